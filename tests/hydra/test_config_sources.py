"""The synthesised source: what Hydra is told of a class without YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf

from rexp.errors import ConfigError
from rexp.hydra.config_sources import EntryPointSource
from rexp.hydra.overrides import normalize_overrides
from rexp.plugins import registry
from rexp.plugins.conf_dirs import conf_folder
from rexp.prepare.filter_config import FilterConfig

CODE = """
from dataclasses import dataclass, field
from enum import Enum

class Color(Enum):
    RED = "red"

@dataclass
class Inner:
    rate: float = 0.5

@dataclass
class Options:
    path: str
    layers: tuple[int, ...] = (8, 4)
    color: Color = Color.RED
    inner: Inner = field(default_factory=Inner)
    names: list[str] = field(default_factory=lambda: ["a"])

class Plain:
    Config = Options
    phase = kind = needs = card = None
    def capabilities(self): ...
    def score(self, query, items): ...
    def __call__(self, scores, batch): ...
    def log(self, values, epoch): ...
    def finish(self, summary, status): ...
    def sources(self): ...
    def read(self): ...
"""
POINTS = """
[rexp.models]
plain = tiny_plugin:Plain
[rexp.losses]
plain = tiny_plugin:Plain
[rexp.compress]
plain = tiny_plugin:Plain
[rexp.data]
plain = tiny_plugin:Plain
[rexp.trackers]
plain = tiny_plugin:Plain
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed distribution of one module."""
    (tmp_path / "tiny_plugin.py").write_text(CODE)
    info = tmp_path / "tiny_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    yield tmp_path
    registry.forget()


EXPECTED = {
    "name": "plain",
    "path": "???",
    "layers": [8, 4],
    "color": "red",
    "inner": {"rate": 0.5},
    "names": ["a"],
}


def plain(config: DictConfig) -> object:
    return OmegaConf.to_container(config)


@pytest.mark.usefixtures("tiny")
def test_a_model_gets_its_defaults_and_a_recipe(composed: Callable[..., DictConfig]) -> None:
    node = plain(composed("model=plain").model)
    assert isinstance(node, dict)
    fit = node.pop("fit")
    assert node == EXPECTED
    assert (fit["loss"]["name"], fit["sampler"]["name"]) == ("bce", "uniform")


@pytest.mark.usefixtures("tiny")
def test_other_kinds_get_their_defaults_where_they_belong(composed: Callable[..., DictConfig]) -> None:
    assert plain(composed("loss=plain").loss) == EXPECTED
    assert plain(composed("model@teacher=plain").teacher)["path"] == "???"  # type: ignore[index]
    assert plain(composed("+compress/stage@compress.stages.first=plain").compress.stages.first) == EXPECTED
    assert plain(composed("track=[csv,plain]").track.plain) == EXPECTED


@pytest.mark.usefixtures("tiny")
def test_a_data_set_has_what_every_data_set_has(composed: Callable[..., DictConfig]) -> None:
    node = plain(composed("data=plain").data)
    assert isinstance(node, dict)
    assert node.pop("filter") == {**asdict(FilterConfig()), "where": [], "drop_ratings": []}
    assert node == {**EXPECTED, "features": {}, "strict": False}
    words = ("data/split=ratio", "data.split.test=0.2", "data.filter.where=['a > 1']", "data.strict=true")
    data = composed("data=plain", *words).data
    assert (data.split.name, data.split.test, data.filter.where, data.strict) == ("ratio", 0.2, ["a > 1"], True)


@pytest.mark.parametrize(
    ("words", "key", "said"),
    [
        (["data.features.user.age.fill=median"], "features", {"user": {"age": {"fill": "median"}}}),
        (["data.features={user.age: {fill: median}}"], "features", {"user.age": {"fill": "median"}}),
        (["data=csv", "data.vectors.item.image=clip.npz"], "vectors", {"item": {"image": "clip.npz"}}),
        (["data=csv", "data.vectors={item.image: clip.npz}"], "vectors", {"item.image": "clip.npz"}),
    ],
)
def test_what_is_said_of_a_column_needs_no_plus(
    composed: Callable[..., DictConfig], words: list[str], key: str, said: object
) -> None:
    assert plain(composed(*normalize_overrides(words)).data[key]) == said


@pytest.mark.usefixtures("tiny")
def test_the_source_lists_groups_and_names_as_hydra_asks() -> None:
    source = EntryPointSource("rexp", "rexp://entry-points")
    assert source.is_group("model")
    assert source.is_group("compress")
    assert source.is_group("data/split")
    assert not source.is_group("mod")
    assert source.is_config("model/plain")
    assert source.is_config("model/plain.yaml")
    assert not source.is_config("model/nosuch")
    assert not source.is_config("config")
    assert "plain" in source.list(config_path="model", results_filter=ObjectType.CONFIG)
    assert {"model", "loss", "compress", "data"} <= set(source.list(config_path="", results_filter=ObjectType.GROUP))
    assert source.list(config_path="compress", results_filter=None) == ["stage"]


def test_a_configuration_folder_is_found_without_importing(tiny: Path) -> None:
    package = tiny / "explosive"
    (package / "deep" / "conf").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    assert conf_folder("explosive.deep.conf") == package / "deep" / "conf"
    assert conf_folder("explosive") == package
    assert conf_folder("explosive.nosuch") is None
    assert conf_folder("nosuch.conf") is None
    assert conf_folder("tiny_plugin.conf") is None  # a module has no folder


@pytest.mark.usefixtures("tiny")
def test_required_options_are_asked_for() -> None:
    from rexp.plugins.options import from_options

    with pytest.raises(ConfigError, match=r"model.path must be given"):
        from_options(registry.load("model", "plain").Config, {}, "model")  # type: ignore[attr-defined]

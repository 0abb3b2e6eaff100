"""The names that users type: every group and key that is promised, alone and in sweeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from rexp.config.job import read
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.conf_dirs import conf_dir
from rexp.plugins.options import from_options
from rexp.train.config import DeviceConfig, FitConfig

Composed = Callable[..., DictConfig]

FILES = {
    (folder.relative_to(conf_dir()).as_posix(), file.stem)
    for folder in conf_dir().rglob("*")
    for file in folder.glob("*.yaml")
    if "hydra" not in folder.parts and folder.name not in ("paper", "tune")  # of many runs, and no part of one
}
PLUGINS = {
    (registry.KINDS[plugin.kind].config_group, plugin.name)
    for plugin in registry.plugins()
    if plugin.distribution == OWN and registry.KINDS[plugin.kind].config_group
}
OPTIONS = sorted(FILES | PLUGINS)
KEYS = [
    ("seed", 3),
    ("force", True),
    ("paths.store", "elsewhere"),
    ("paths.data", "files"),
    ("train.max_epochs", 2),
    ("train.batch_size", 64),
    ("train.devices", 2),
    ("model.factors", 16),
]
FILE_KEYS = [("path", "mine.csv"), *((f"columns.{name}", "c") for name in ("user", "item", "rating", "time"))]


@pytest.mark.slow
@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_of_every_group_composes_alone(composed: Composed, group: str, option: str) -> None:
    stage = group == "compress/stage"
    config = composed(f"+{group}@compress.stages.x={option}" if stage else f"{group}={option}")
    assert isinstance(OmegaConf.to_container(config), dict)


@pytest.mark.parametrize("group", ["data", "model", "loss", "sampler", "train", "evaluate", "compress", "track"])
def test_every_promised_group_has_options(group: str) -> None:
    assert any(group == name for name, _ in OPTIONS)


@pytest.mark.parametrize(("key", "value"), KEYS)
def test_every_promised_key_can_be_set(composed: Composed, key: str, value: object) -> None:
    assert OmegaConf.select(composed(f"{key}={value}"), key) == value


@pytest.mark.parametrize(("key", "value"), FILE_KEYS)
def test_every_promised_key_of_a_users_own_file_can_be_set(composed: Composed, key: str, value: object) -> None:
    assert OmegaConf.select(composed("data=csv", f"data.{key}={value}"), f"data.{key}") == value


def test_the_defaults(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REXP_DATA", raising=False)
    config = composed()
    assert (config.data.name, config.model.name, config.seed, config.force) == ("online-retail", "ncf", 0, False)
    assert (config.paths.store, config.paths.data) == ("./runs", None)
    assert list(config.track) == ["wandb"]
    assert [config.loss, config.sampler, config.teacher, config.retriever] == [None] * 4


def test_the_folder_of_data_comes_from_the_environment(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REXP_DATA", "/data")
    assert composed().paths.data == "/data"
    assert composed("paths.data=mine").paths.data == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sweep", "jobs"),
    [
        ("model=ncf,mf,pop seed=1,2,3", 9),
        ("model=ncf model.variant=gmf,mlp,neumf loss=bce,mse sampler=uniform,popularity", 12),
        ("data=movietweetings,ml-1m data/split=ratio,leave_last evaluate=full,sampled", 8),
        ("experiment=ncf_paper model.factors=8,16,32,64 'model.layers=null'", 4),
        ("track=[csv,wandb],none train=default,quick", 4),
        ("model@teacher=mf,ncf model.factors=range(8,33,8)", 8),
    ],
)
def test_sweeps_compose_and_each_job_can_be_read(composed: Composed, sweep: str, jobs: int) -> None:
    overrides = OverridesParser.create().parse_overrides([part.strip("'") for part in sweep.split()])
    [batch] = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    assert len(batch) == jobs
    for job in batch:
        read(composed(*job))


@pytest.mark.parametrize("model", registry.names("model"))
def test_a_model_brings_a_recipe_that_can_be_built(composed: Composed, model: str) -> None:
    node = composed(f"model={model}").model
    assert node.name == model
    recipe = OmegaConf.to_container(node.get("fit") or OmegaConf.create({}))
    assert isinstance(recipe, dict)
    for kind in ("loss", "sampler"):
        if part := recipe.get(kind):
            assert part["name"] in registry.names(kind)
    from_options(FitConfig, {str(key): value for key, value in recipe.items()}, "model.fit")


def test_a_teacher_keeps_its_own_recipe(composed: Composed) -> None:
    config = composed("model=ncf", "model@teacher=mf", "loss=mse", "train.max_epochs=1")
    alone = composed("model=mf")
    assert config.teacher == alone.model


def test_the_root_recipe_is_silent_until_it_is_asked(composed: Composed) -> None:
    train = composed().train
    device = {field.name for field in fields(DeviceConfig)}
    assert {str(key) for key in train} == device | {f.name for f in fields(FitConfig)} - {"loss", "sampler"}
    assert all(value is None for key, value in train.items() if key not in device)
    assert (
        from_options(DeviceConfig, {key: value for key, value in train.items() if key in device}, "train")
        == DeviceConfig()
    )


def test_options_of_a_metric_are_given_as_a_mapping_or_one_by_one(composed: Composed) -> None:
    asked = ("evaluate.metrics=[f1]", "references=[]")
    for override in ("evaluate.options={f1: {threshold: 0.3}}", "+evaluate.options.f1.threshold=0.3"):
        assert read(composed(*asked, override)).evaluate.options == {"f1": {"threshold": 0.3}}
    assert read(composed()).evaluate.options == {}

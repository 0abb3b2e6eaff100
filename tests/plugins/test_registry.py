"""The registry on folders made to look like installed distributions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rexp.errors import ConfigError
from rexp.plugins import registry

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with these entry points, text of entry_points.txt, onto the path."""

    def make(name: str, points: str, version: str | None = "1.0") -> Path:
        site = tmp_path / name
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(points)
        if version:
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        monkeypatch.syspath_prepend(str(site))
        registry.forget()
        return site

    yield make
    monkeypatch.undo()
    registry.forget()


def test_a_plugin_is_found_by_name_without_being_imported(install: Install) -> None:
    install("Some_Models", "[rexp.models]\nmine = nowhere_at_all.model:Mine\n[console_scripts]\nx = y:z\n")
    plugin = registry.find("model", "mine")
    assert (plugin.distribution, plugin.version, plugin.target) == ("some-models", "1.0", "nowhere_at_all.model:Mine")
    assert "mine" in registry.names("model")
    assert "mine" not in registry.names("loss")


def test_an_unknown_name_is_told_with_the_nearest_and_all_names() -> None:
    known = ", ".join(registry.names("sampler"))
    with pytest.raises(ConfigError, match=rf"^no sampler is named 'unifrom'; did you mean 'uniform'\? Known: {known}$"):
        registry.find("sampler", "unifrom")


def test_a_clash_names_both_and_never_asks_to_disable_rexp_itself(install: Install) -> None:
    install("zzz-models", "[rexp.models]\nmf = zzz:MF\n")
    with pytest.raises(ConfigError) as caught:
        registry.load("model", "mf")
    assert str(caught.value) == (
        f"model 'mf' is claimed by zzz-models 1.0 (zzz:MF) and rexp-recsys {registry.find('model', 'ncf').version} "
        "(rexp.models.mf:MF); uninstall one, or leave one out with REXP_DISABLE=zzz-models"
    )


@pytest.mark.parametrize("value", ["zzz-models", "other, ZZZ_Models ,", "zzz.models"])
def test_a_disabled_distribution_is_not_there(install: Install, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    install("zzz-models", "[rexp.models]\nmf = zzz:MF\n[rexp.conf]\nzzz = zzz.conf\n")
    monkeypatch.setenv("REXP_DISABLE", value)
    registry.forget()
    assert registry.find("model", "mf").distribution == "rexp-recsys"
    assert "zzz-models" not in {package.distribution for package in registry.conf_packages()}


def test_a_distribution_that_lies_twice_on_the_path_counts_once(install: Install) -> None:
    install("twice", "[rexp.models]\nmine = old:Mine\n", version="1.0")
    site = install("again", "[rexp.models]\nmine = new:Mine\n", version="2.0")
    (site / "again-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: twice\nVersion: 2.0\n")
    registry.forget()
    assert registry.find("model", "mine").target == "new:Mine"


def test_damaged_metadata_hurts_nobody_else(install: Install) -> None:
    install("damaged", "[rexp.models]\nno equals sign here\n")
    install("halfway", "[rexp.models]\nmine = m:Mine\n", version=None)
    assert "ncf" in registry.names("model")
    mine = registry.find("model", "mine")
    assert (mine.distribution, mine.version) == ("nameless", "of no version")
    [fault] = registry.metadata_faults()
    assert fault.startswith("the metadata of damaged cannot be read (")


def load(install: Install, code: str) -> type:
    """Load ``Mine`` out of a module with this code."""
    module = f"module_{abs(hash(code))}"
    site = install("mine", f"[rexp.models]\nmine = {module}:Mine\n")
    (site / f"{module}.py").write_text(code)
    return registry.load("model", "mine")


SOUND = """
from dataclasses import dataclass
@dataclass
class Options: pass
class Mine:
    Config = Options
    def capabilities(self): ...
    def score(self, query, items): ...
"""


@pytest.mark.parametrize("stated", ["(2, 0)", None])
def test_a_class_that_keeps_the_contract_is_loaded(install: Install, stated: str | None) -> None:
    assert load(install, SOUND + (f"    rexp_api = {stated}\n" if stated else "")).__name__ == "Mine"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_at_all", "cannot be imported: ModuleNotFoundError: No module named"),
        ("def broken(:", "cannot be imported: SyntaxError: "),
        ("Mine = 3", "has no class 'Mine'; mend its entry point"),
        (SOUND + "    rexp_api = (2, 99)\n", "was written for the plugin API 2.99, this rexp has 2.1"),
        (SOUND + "    rexp_api = (1, 3)\n", "was written for the plugin API 1.3, this rexp has 2.1"),
        (SOUND + "    rexp_api = 1\n", "states rexp_api=1; it is a pair of whole numbers"),
        (SOUND.replace("@dataclass", ""), "has no dataclass 'Config'"),
        (SOUND.replace("Config = Options", "Config = Options()"), "has no dataclass 'Config'"),
        (SOUND.replace("score", "rate").replace("capabilities", "can"), "lacks capabilities, score; see rexp.api"),
    ],
)
def test_a_fault_is_one_line_with_distribution_target_and_reason(install: Install, code: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(install, code)
    text = str(caught.value)
    assert text.startswith("model 'mine' of mine 1.0 (module_")
    assert reason in text
    assert "\n" not in text


def test_listing_imports_neither_torch_nor_hydra() -> None:
    heavy = {"torch", "hydra", "rexp.models"}
    code = f"import sys; from rexp.plugins import registry; registry.plugins(); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

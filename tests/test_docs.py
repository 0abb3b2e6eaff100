"""The commands of the documentation name options that there are, and its pages files that there are."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from rexp.config.schema import Root
from rexp.hydra.config_sources import install
from rexp.hydra.overrides import normalize_overrides
from rexp.plugins.conf_dirs import conf_dir

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))  # the README has a test of its own
YAML = sorted((ROOT / "conf").rglob("*.yaml"))


def commands() -> Iterator[tuple[str, str]]:
    """Every ``python -m rexp`` in a page's blocks, and in the comments of the configuration."""
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.M | re.S):
            yield from ((page.name, line) for line in _lines(block))
    for file in YAML:
        comments = "\n".join(line[1:].strip() for line in file.read_text().splitlines() if line.startswith("#"))
        yield from ((file.name, line) for line in _lines(comments))


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        found = re.match(r"\s*(?:REXP_DATA=\S+ )?python -m rexp( .*)?$", line)
        if found and (words := (found[1] or "").split("   ")[0]):
            yield words


COMMANDS = sorted(set(commands()))


@pytest.fixture(scope="module")
def composing() -> Iterator[None]:
    """Hydra as rexp sets it up."""
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield
    GlobalHydra.instance().clear()


@pytest.mark.usefixtures("composing")
@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_of_the_documentation_composes(page: str, command: str) -> None:
    words = [word for word in shlex.split(command, comments=True) if "=" in word]
    for which in (0, -1):
        compose("config", overrides=normalize_overrides([_one(word, which) for word in words]))


def _one(word: str, which: int) -> str:
    """One value of a sweep: commas within brackets belong to a value."""
    key, _, value = word.partition("=")
    choices, depth = [""], 0
    for letter in value:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and not depth:
            choices.append("")
        else:
            choices[-1] += letter
    return f"{key}={choices[which]}"


def test_the_picture_of_the_layers_is_what_the_script_draws(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.svg"
    subprocess.run([sys.executable, ROOT / "scripts" / "draw_layers", drawn], check=True)
    committed = ROOT / "docs" / "architecture.svg"
    assert committed.read_text() == drawn.read_text(), "run ./scripts/draw_layers"


def test_every_file_and_folder_of_the_architecture_is_there_and_a_run_takes_twenty() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:rexp|conf|scripts|plugins)/[\w/.]*)`", page)
    assert [name for name in named if not (ROOT / name).exists()] == []
    run = page.partition("## Follow one run")[2].partition("\n## ")[0]
    files = re.findall(r"^\| `(rexp/[\w/]+\.py)` \|", run, re.M)
    assert 10 <= len(set(files)) == len(files) <= 20


def test_every_entry_point_group_of_the_architecture_is_one_of_the_registry() -> None:
    from rexp.plugins.registry import KINDS

    page = (ROOT / "docs" / "architecture.md").read_text().partition("## Where a new one goes")[2]
    assert set(re.findall(r"`(rexp\.\w+)`", page)) == {kind.entry_points for kind in KINDS.values()}

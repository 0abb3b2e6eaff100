"""The commands of the documentation name options that there are, and its pages files that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from rexp.__main__ import VERBS
from rexp.config.schema import Root
from rexp.hydra.config_sources import install
from rexp.hydra.overrides import normalize_overrides
from rexp.plugins.conf_dirs import conf_dir
from tests.doc_commands import Command, commands, counted, one_value

ROOT = Path(__file__).parents[1]
FLAGS = {"-m", "--cfg", "job", "--info", "searchpath", "--help", "--config-dir"}


COMMANDS = commands()
RUNS = [command for command in COMMANDS if not command.verb and not command.not_composed]
VERBAL = [command for command in COMMANDS if command.verb]


@pytest.fixture(scope="module")
def composing() -> Iterator[None]:
    """Hydra as rexp sets it up."""
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield
    GlobalHydra.instance().clear()


@pytest.mark.slow
@pytest.mark.usefixtures("composing")
@pytest.mark.parametrize("command", RUNS, ids=str)
def test_a_run_of_the_documentation_composes(command: Command) -> None:
    for which in (0, -1):
        compose("config", overrides=normalize_overrides([one_value(word, which) for word in command.settings]))
    assert set(command.words) - set(command.settings) <= FLAGS


@pytest.mark.parametrize("command", VERBAL, ids=str)
def test_a_verb_of_the_documentation_takes_its_arguments(command: Command) -> None:
    parser = import_module(VERBS[command.verb]).arguments()
    parse = parser.parse_intermixed_args if command.verb == "tune" else parser.parse_args
    parse(command.words[1:])


def test_commands_are_found_and_most_are_run() -> None:
    print(counted(COMMANDS))
    assert len(COMMANDS) > 180
    assert sum(not command.not_composed for command in COMMANDS) > 160
    assert sum(not command.not_run for command in COMMANDS) > 60


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

"""``rexp plugins``."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.plugins import registry

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def test_it_lists_every_entry_point_of_the_distribution(command: Callable[..., Any]) -> None:
    listed = json.loads(command("plugins", "--json").stdout)["plugins"]
    own = [row for row in listed if row["distribution"] == "rexp-recsys"]
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    declared = Counter({group: len(points) for group, points in groups.items() if group.startswith("rexp.")})
    assert Counter(registry.KINDS[row["kind"]].entry_points for row in own) == declared


def test_each_is_described_without_an_import() -> None:
    code = "import sys; from rexp.__main__ import main; main(['plugins', '--json']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for row in json.loads(done.stdout)["plugins"]:
        if row["distribution"] == "rexp-recsys":
            assert (row["api"], row["state"]) == ("2.1", "found"), row
            assert len(row["summary"]) > 10, row


def test_every_built_in_plugin_is_sound(command: Callable[..., Any]) -> None:
    done = command("plugins", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    for plugin in registry.plugins():
        assert plugin.name in done.stdout
    assert "broken" not in done.stdout


def test_one_kind_can_be_asked_for(command: Callable[..., Any]) -> None:
    report = json.loads(command("plugins", "--check", "--json", "--kind", "split").stdout)
    assert {row["kind"] for row in report["plugins"]} == {"split"}
    assert [row["fault"] for row in report["plugins"]] == [None] * len(registry.names("split"))
    assert report["faults"] == []


def test_an_unknown_kind_is_refused(command: Callable[..., Any]) -> None:
    done = command("plugins", "--kind", "modle")
    assert done.returncode == 2
    assert "invalid choice: 'modle'" in done.stderr


def test_the_options_of_one_are_explained_with_their_defaults(command: Callable[..., Any]) -> None:
    text = command("plugins", "qr", "--kind", "stage").stdout
    assert "Shi et al., KDD 2020" in text
    assert "budget: " in text  # inherited
    assert text.endswith('operation: "product" # one of product, sum\n')


def test_a_name_that_no_plugin_has_is_one_line(command: Callable[..., Any]) -> None:
    done = command("plugins", "kdd")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no plugin is named 'kdd'; did you mean 'kd'?" in done.stderr

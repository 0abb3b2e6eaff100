"""Names of others are text in every table and picture, whatever is in them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.errors import ConfigError
from rexp.io.terminal import Screen

from .stores import add_run

EVIL = "[red]x[/b] $a_{$ \x1b]0;owned\x07\x9b31m <script>*b*"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for place, factors in enumerate((4, 8)):
        add_run(tmp_path / "runs", f"{factors}a", place, EVIL, factors, 0.1 * factors)
    add_run(tmp_path / "runs", "1b", 0, EVIL + "'", 4, 0.3, teacher="4a", compress=EVIL)
    return tmp_path / "runs"


@pytest.mark.parametrize("form", [[], ["--markdown"], ["--latex", "-"]], ids=["screen", "markdown", "latex"])
def test_every_form_of_a_table(store: Path, capsys: pytest.CaptureFixture[str], form: list[str]) -> None:
    assert main(["report", str(store), "--rows", "model,compress", *form]) == 0
    out = capsys.readouterr().out
    assert "red" in out
    assert "/b" in out
    assert not {"\x1b", "\x07", "\x9b"} & set(out)
    if form == ["--markdown"]:
        assert r"\<script>\*b\*" in out


def test_every_picture(store: Path, tmp_path: Path) -> None:
    assert main(["report", str(store), "--rows", "model,compress", "--plots", str(tmp_path / "plots")]) == 0
    shown = [text for file in (tmp_path / "plots").glob("*.svg") for text in ET.parse(file).getroot().itertext()]
    assert any("[red]x[/b] $a_{$" in text for text in shown)


def test_a_message_is_one_line_to_be_seen() -> None:
    assert str(ConfigError("no user '\x1b[2J'")) == r"no user '\x1b[2J'"


def test_strings_are_no_markup_on_the_screen() -> None:
    stream = io.StringIO()
    Screen(file=stream).print("[red]i2 :smile: [/b]")
    assert stream.getvalue() == "[red]i2 :smile: [/b]\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_a_screen_that_lacks_letters_shows_others(store: Path, encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "rexp", "report", str(store), "--rows", "model.factors"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "toy | protocol full | mask train" in done.stdout.decode(encoding).replace("·", "|")

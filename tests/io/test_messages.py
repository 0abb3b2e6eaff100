"""Messages are logged; the command line shows them as plain lines, and a program that logs for itself is left alone."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from rexp.io.messages import messages_shown
from rexp.io.text import LOGGER, fail, say, warn

SAYS = """
import logging
{before}
from rexp.io.messages import messages_shown_by_default
from rexp.io.text import say, warn
with messages_shown_by_default():
    say("a place")
    warn("a doubt")
say("afterwards")
"""


def said(before: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", SAYS.format(before=before)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", "a place\nnote: a doubt\n"),
        ("logging.getLogger('rexp').setLevel(logging.WARNING)", "note: a doubt\n"),
        ("logging.getLogger('rexp').setLevel(logging.ERROR)", ""),
        ("logging.basicConfig(level=logging.WARNING)", "WARNING:rexp:note: a doubt\n"),
        ("logging.getLogger('rexp').addHandler(logging.NullHandler())", ""),
    ],
)
def test_a_program_decides_what_it_sees(before: str, expected: str, tmp_path: Path) -> None:
    assert said(before, tmp_path) == expected


def test_lines_are_plain_and_have_levels(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    say("50 % of \x1b[31mall")  # no pattern, and nothing that a terminal would obey
    warn("a doubt")
    fail("a fault")
    assert capsys.readouterr().err == "50 % of \\x1b[31mall\nnote: a doubt\nrexp: a fault\n"
    assert [record.levelno for record in caplog.records] == [logging.INFO, logging.WARNING, logging.ERROR]


def test_shown_twice_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    before = list(LOGGER.handlers), LOGGER.level
    with messages_shown(), messages_shown():
        say("once")
    assert capsys.readouterr().err == "once\n"
    assert (LOGGER.handlers, LOGGER.level) == before

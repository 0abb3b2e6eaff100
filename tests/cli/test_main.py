"""The command itself: verbs, exit codes, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp import __main__ as cli
from rexp.errors import ConfigError, DataError, Interrupted, RexpError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigError("x"), 2), (DataError("x"), 1), (RexpError("x"), 1), (Interrupted("x"), 143)]
)
def test_a_fault_is_one_line_and_its_exit_code(error: RexpError, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise error

    assert cli._guard(fail) == code
    assert capsys.readouterr().err == "rexp: x\n"


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> int:
        raise KeyboardInterrupt

    assert cli._guard(stop) == 130
    assert capsys.readouterr().err == "rexp: interrupted; the same command goes on from the last checkpoint\n"


def test_a_bug_keeps_its_traceback() -> None:
    def bug() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli._guard(bug)


@pytest.mark.parametrize("verb", sorted(cli.VERBS))
def test_every_verb_has_its_own_help(verb: str, command: Callable[..., Any]) -> None:
    done = command(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: rexp {verb}")


def test_the_help_names_the_verbs_the_groups_and_the_keys(command: Callable[..., Any]) -> None:
    done = command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in (*(f"rexp {verb}" for verb in cli.VERBS), "model: ", "paths.store", "rexp -sc install=bash"):
        assert word in done.stdout


def test_the_console_script_is_the_same_command() -> None:
    script = Path(sys.executable).with_name("rexp")
    done = subprocess.run([script, "plugins", "--json"], capture_output=True, text=True, timeout=60, check=True)
    assert '"ncf"' in done.stdout


@pytest.mark.parametrize("arguments", [["plugins", "--json"], ["plugins"], ["--help"], ["--cfg", "job"]], ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], unbuffered: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "rexp", *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # long before the first line is written
        assert process.stderr.read() == ""
    assert process.returncode in (0, 1)  # rich, which prints the table, ends the process with 1


def test_an_unknown_flag_is_refused_with_2(command: Callable[..., Any]) -> None:
    done = command("--nosuch")
    assert done.returncode == 2
    assert done.stderr == "rexp: --nosuch: a setting is written KEY=VALUE, without dashes: nosuch=VALUE\n"


def test_the_version_is_rexps(command: Callable[..., Any]) -> None:
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"rexp {version('rexp-recsys')}\n")

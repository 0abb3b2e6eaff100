"""Commands of the documentation that need neither foreign data nor a minute, run small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rexp
from rexp.__main__ import main
from tests.doc_commands import SMALL, commands, small

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_what_needs_neither_foreign_data_nor_a_minute_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cheap = [command for command in commands() if not command.not_run]
    for command in cheap:
        if not command.verb:
            assert main(small(command)) == 0, (command, capsys.readouterr().err)
    run = rexp.run(["model=mf", "train.max_epochs=1", "measure.latency=false", *SMALL]).run_id
    for command in cheap:
        if command.verb:
            words = [run if word == "RUN" else word for word in command.words]
            assert main(words) == 0, (command, capsys.readouterr().err)

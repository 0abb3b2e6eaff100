from __future__ import annotations

from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.report.plots.every import draw_all

from ..conftest import Made


def test_every_picture_that_the_runs_allow_is_drawn_to_the_same_bytes(made: Made, tmp_path: Path) -> None:
    tables = [made.full, made.two_stage]
    first, second = (draw_all(made.results, tables, made.store, tmp_path / name, [".svg"]) for name in ("a", "b"))
    assert [file.name for file in first] == [
        "1-toy-protocol-full-frontier.svg",
        "1-toy-protocol-full-curves.svg",
        "1-toy-protocol-full-buckets.svg",
        "1-toy-protocol-full-gaps.svg",
        "2-toy-protocol-two_stage-frontier.svg",
        "2-toy-protocol-two_stage-curves.svg",
        "2-toy-protocol-two_stage-buckets.svg",
        "2-toy-protocol-two_stage-retrieval.svg",
    ]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_the_command_draws_pdf_and_svg(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "plots"
    arguments = ["report", str(made.store.root), "--rows", "model", "--cols", "ndcg@10|two_stage"]
    assert main([*arguments, "--plots", str(folder)]) == 0
    assert {file.suffix for file in folder.iterdir()} == {".pdf", ".svg"}
    assert "pictures drawn to" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main([*arguments, "--plots", str(tmp_path / "file" / "plots")]) == 1
    assert "give --plots another FOLDER" in capsys.readouterr().err

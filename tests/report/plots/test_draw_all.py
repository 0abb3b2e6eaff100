from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rexp.__main__ import main
from rexp.report.plots.draw_all import draw_all

from ..stores import add_run

if TYPE_CHECKING:
    import pytest

    from ..conftest import Made


def test_every_picture_that_the_runs_allow_is_drawn_to_the_same_bytes(made: Made, tmp_path: Path) -> None:
    first, second = (draw_all(made.results, [made.full], made.store, tmp_path / name, [".svg"]) for name in ("a", "b"))
    assert [file.name for file in first] == [
        "1-toy-protocol-full-frontier.svg",
        "1-toy-protocol-full-curves.svg",
        "1-toy-protocol-full-buckets.svg",
        "1-toy-protocol-full-gaps.svg",
    ]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_the_command_draws_pdf_and_svg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in (20, 50):
        retriever = {"name": "flat", "n_candidates": n}
        add_run(tmp_path / "runs", f"a{n}", 0, "pop", 1, n / 100, epochs=0, protocol="two_stage", retriever=retriever)
    arguments = ["report", str(tmp_path / "runs"), "--cols", "ndcg@10|two_stage"]
    folder = tmp_path / "plots"
    assert main([*arguments, "--plots", str(folder)]) == 0
    kinds = ("buckets", "frontier", "retrieval")
    names = sorted(f"1-toy-protocol-two_stage-{kind}{form}" for kind in kinds for form in (".pdf", ".svg"))
    assert sorted(file.name for file in folder.iterdir()) == names
    assert f"6 pictures drawn to {folder}" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main([*arguments, "--plots", str(tmp_path / "file" / "plots")]) == 1
    assert "give --plots another FOLDER" in capsys.readouterr().err

"""``rexp export`` on a stored run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.store.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(student_store: Path) -> str:
    """The student's."""
    (found,) = [result.run_id for result in Store(student_store).runs() if result.config["teacher"]]
    return str(found)


def test_a_run_is_exported_checked_and_timed(
    student_store: Path, run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="the extra 'deploy' is not installed")
    before = (student_store / run / "result.json").read_bytes()
    common = ["export", run[:8], "--to", "onnx", "--store", str(student_store), "--repeats", "2"]
    assert main([*common, "--int8", "--output", str(tmp_path / "small.onnx")]) == 0
    shown = capsys.readouterr().out
    assert "scores differ from torch's by" in shown
    assert "in 8 bits they differ by" in shown
    assert f"{(tmp_path / 'small.onnx').stat().st_size:,} bytes" in shown
    assert {"torch", "onnxruntime", "int8", "4,096"} <= set(shown.split())
    assert [file.name for file in tmp_path.iterdir()] == ["small.onnx"]
    assert (student_store / run / "result.json").read_bytes() == before


def test_without_the_libraries_one_line_says_how_to_get_them(
    student_store: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", run, "--store", str(student_store)]) == 2
    assert "onnxruntime is not installed: pip install 'rexp-recsys[deploy]'" in capsys.readouterr().err


def test_wrong_options_are_said(student_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "zzz", "--store", str(student_store)]) == 1
    assert "no run 'zzz'" in capsys.readouterr().err
    assert main(["export", "zzz", "--store", str(student_store), "--repeats", "0"]) == 2

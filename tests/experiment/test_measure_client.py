"""The process that measures, and who asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.experiment import measure_client
from rexp.experiment.measure_client import measure_run
from rexp.python.jobs import run
from rexp.store.store import Store


def test_an_answer_that_was_not_waited_for_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "runs")
    first = measure_client._process(1)
    assert first.stdout is not None
    with monkeypatch.context() as patched:
        patched.setattr(first.stdout, "readline", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            measure_run(store, "0" * 12, None, tmp_path, candidates=[5], repeats=1)
    assert first.wait(timeout=30) != 0
    assert measure_client._process(1) is not first


def _interrupted() -> str:
    raise KeyboardInterrupt


def test_relative_paths_start_where_each_run_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{user},{(7 * user + 3 * place) % 20}\n" for user in range(20) for place in range(5))
    words = ["model=pop", "data=csv", "data.path=mine.csv", "track=none", "references=[]", "train.progress=none"]
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.csv").write_text("user,item\n" + rows)
        monkeypatch.chdir(tmp_path / name)
        made = run([*words, f"paths.store={tmp_path / name}", "measure.candidates=[5]", "measure.repeats=1"])
        assert "score_5_p50_ms" in made.cost

"""The process that measures, and who asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.experiment import measure_client
from rexp.experiment.measure_client import measure_run
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

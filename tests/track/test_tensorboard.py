from __future__ import annotations

from pathlib import Path

import pytest

from rexp.api import RunInfo
from rexp.track.trackers import start

pytest.importorskip("tensorboard")


def test_what_was_logged_is_in_the_event_file(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = RunInfo("0123456789ab", tmp_path, {"seed": 1, "model": {"name": "mf"}}, {"model": "mf"})
    trackers = start({"tensorboard": {"name": "tensorboard"}}, run)
    trackers.log({"train/loss": 0.5, "valid/ndcg@10": 0.125}, 1)
    trackers.log({"train/loss": 0.25, "valid/ndcg@10": 0.25}, 2)
    trackers.finish({"ndcg@10": 0.5, "cost/parameters": 100, "note": "text"}, "done")

    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {
        "train/loss", "valid/ndcg@10", "summary/ndcg@10", "summary/cost/parameters",
    }  # fmt: skip
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 0.5), (2, 0.25)]
    assert [(event.step, event.value) for event in events.Scalars("valid/ndcg@10")] == [(1, 0.125), (2, 0.25)]
    assert events.Scalars("summary/ndcg@10")[0].value == 0.5
    assert events.Scalars("summary/cost/parameters")[0].value == 100
    assert b'"name": "mf"' in events.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
    assert events.Tensors("status/text_summary")[0].tensor_proto.string_val[0] == b"done"

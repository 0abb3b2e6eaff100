"""All runs of a store as a data frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from rexp.report.frame import results_frame
from rexp.store.store import Store

from .stores import add_run

if TYPE_CHECKING:
    from .conftest import Made


def test_it_has_a_row_for_each_run_with_its_labels_metrics_and_costs(made: Made) -> None:
    frame = results_frame(made.store)
    assert frame["run_id"].to_list() == sorted(result.run_id for result in made.results)
    assert set(frame["status"]) == {"done"}
    assert frame.columns == [
        "run_id", "status", "model", "compress", "seed", "teacher", "fingerprint", "protocol_id", "finished",
        "ndcg@10", "gini@10", "ndcg@10|two_stage", "gini@10|two_stage", "recall_ceiling@10|two_stage",
        "index_recall|two_stage", "weight_bytes", "fit_seconds", "parameters",
    ]  # fmt: skip
    (student,) = frame.filter(run_id="5a1").iter_rows(named=True)
    assert (student["model"], student["compress"], student["seed"], student["teacher"]) == ("mf", "kd", 1, "7a0")
    assert (student["ndcg@10"], student["ndcg@10|two_stage"]) == (0.101, None)
    assert (student["weight_bytes"], student["fit_seconds"]) == (4000, 2.5)
    assert frame.schema["weight_bytes"] == pl.Int64
    assert frame.schema["ndcg@10"] == pl.Float64
    mean = frame.filter(model="mf", compress="none", protocol_id="full").group_by("seed").agg(pl.col("ndcg@10").mean())
    assert dict(mean.iter_rows())[0] == (0.08 + 0.16 + 0.32) / 3


def test_a_run_that_is_not_done_has_its_status_alone(tmp_path: Path) -> None:
    add_run(tmp_path, "1a", 0, "mf", 4, 0.5)
    store = Store(tmp_path)
    store.begin("2b", {}, {})
    store.mark("2b", "failed", "RunError: loss is nan")
    store.begin("3c", {}, {})
    frame = results_frame(store)
    assert list(frame.select("run_id", "status").iter_rows()) == [
        ("1a", "done"),
        ("2b", "failed"),
        ("3c", "interrupted"),
    ]
    assert frame["ndcg@10"].to_list() == [0.5, None, None]
    assert frame["seed"].to_list() == [0, None, None]


def test_an_empty_store_has_no_row(tmp_path: Path) -> None:
    frame = results_frame(Store(tmp_path / "none"))
    assert frame.height == 0
    assert frame.columns[:2] == ["run_id", "status"]

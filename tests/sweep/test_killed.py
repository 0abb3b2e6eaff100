"""A sweep in two processes, killed again and again: the table of an undisturbed one, and nothing trained twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rexp.store.store import Store
from tests.sweep.helpers import JOBLIB, count, events, kill_all, kill_command_alone, kill_when, rexp, start, sweep

GRID = ["model=mf,pop", "seed=1,2,3", "train.max_epochs=40", "train.patience=0", *JOBLIB]
COLUMNS = "ndcg@10,recall@10,parameters"


@pytest.mark.slow
def test_killed_at_five_moments_it_ends_with_the_same_table(table: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    sweep(table, *GRID, cwd=whole)

    committed: dict[str, bytes] = {}
    for moment, how in (
        (lambda before: (killed / "runs" / ".sweeps").exists(), kill_all),
        (lambda before: count(killed, "started") > before["started"], kill_all),
        (lambda before: count(killed, "computing") > before["computing"], kill_command_alone),
        (lambda before: any((killed / "runs").glob("*/checkpoints/last.ckpt")), kill_all),
        (lambda before: count(killed, "done") > before["done"] + len(committed), kill_all),
    ):
        before = Counter(event["event"] for event in events(killed))
        process = start(table, *GRID, cwd=killed)
        kill_when(process, lambda moment=moment, before=before: moment(before), how)  # type: ignore[misc]
        committed |= results(killed)
    sweep(table, *GRID, cwd=killed)

    assert report(killed) == report(whole)
    kept = results(killed)
    assert len(kept) == 6
    assert {run: kept[run] for run in committed} == committed, "a result that was counted never changed"
    nothing_was_computed_twice(killed)
    nothing_was_computed_twice(whole)


def nothing_was_computed_twice(folder: Path) -> None:
    """A run is committed once, and what is committed is not computed again."""
    done: Counter[str] = Counter()
    for event in events(folder):
        if event["event"] == "computing":
            assert not done[event["run"]], event
        if event["event"] == "done":
            assert event["cached"] or not done[event["run"]], event
            done[event["run"]] += 1
    assert set(done) == {result["run_id"] for result in Store(folder / "runs").runs()}


def results(folder: Path) -> dict[str, bytes]:
    """What the store counts as done, byte for byte."""
    store = Store(folder / "runs")
    return {result["run_id"]: (store.directory(result["run_id"]) / "result.json").read_bytes() for result in store.runs()}


def report(folder: Path) -> str:
    return rexp("report", "--csv", "-", "--cols", COLUMNS, cwd=folder).stdout

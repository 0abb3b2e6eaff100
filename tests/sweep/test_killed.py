"""A sweep in two processes, killed again and again: the table of one in peace, and nothing trained twice."""

from __future__ import annotations

import runpy
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rexp.hydra.overrides import normalize_overrides
from rexp.store.store import Store
from tests.doc_commands import one_value
from tests.sweep.helpers import (
    JOBLIB,
    events,
    kill_all,
    kill_command_alone,
    kill_when,
    nothing_was_computed_twice,
    rexp,
    start,
    sweep,
)

if TYPE_CHECKING:
    from omegaconf import DictConfig

GRID = ["model=mf,pop", "seed=1,2,3", "train.max_epochs=40", "train.patience=0"]
COLUMNS = "ndcg@10,recall@10,parameters"


def seen(folder: Path) -> Counter[str]:
    """How often each kind of event was written down, of answers from the store apart."""
    return Counter("cached" if event.get("cached") else event["event"] for event in events(folder))


MOMENTS: list[tuple[Callable[[Counter[str], Path], bool], Callable[[int], None]]] = [
    (lambda before, folder: (folder / "runs" / ".sweeps").exists(), kill_all),
    (lambda before, folder: seen(folder)["started"] > before["started"], kill_all),
    (lambda before, folder: any((folder / "runs").glob("*/checkpoints/last.ckpt")), kill_all),
    (lambda before, folder: seen(folder)["done"] > before["done"], kill_all),
    (lambda before, folder: seen(folder)["computing"] > before["computing"], kill_command_alone),
]


@pytest.mark.slow
def test_killed_at_five_moments_it_ends_with_the_same_table(table: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    sweep(table, *GRID, cwd=whole)

    committed: dict[str, bytes] = {}
    for moment, how in MOMENTS:
        before, process = seen(killed), start(table, *GRID, *JOBLIB, cwd=killed)
        kill_when(process, partial(moment, before, killed), how)
        committed |= results(killed)
    sweep(table, *GRID, *JOBLIB, cwd=killed)

    assert report(killed) == report(whole)
    kept = results(killed)
    assert len(kept) == 6
    assert {run: kept[run] for run in committed} == committed, "a result that was counted never changed"
    nothing_was_computed_twice(killed)
    nothing_was_computed_twice(whole)


def results(folder: Path) -> dict[str, bytes]:
    """What the store counts as done, byte for byte."""
    store = Store(folder / "runs")
    return {result.run_id: (store.directory(result.run_id) / "result.json").read_bytes() for result in store.runs()}


def report(folder: Path) -> str:
    return rexp("report", "--csv", "-", "--cols", COLUMNS, cwd=folder).stdout


def test_the_sweep_that_is_killed_by_hand_composes(composed: Callable[..., DictConfig]) -> None:
    script = Path(__file__).parents[2] / "scripts" / "kill"
    sweep = runpy.run_path(str(script))["SWEEP"]
    assert sweep[0] == "-m"
    for which in (0, -1):
        settings = [one_value(word, which) for word in sweep[1:] if not word.startswith("hydra")]
        composed(*normalize_overrides(settings))

"""A search in this process: which trials are given up, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rexp.config.job import read
from rexp.errors import StoreError
from rexp.hydra.compose import hydra_session
from rexp.store.store import Store
from rexp.tune import objective
from rexp.tune.search import common, search
from rexp.tune.search_space import make_space
from rexp.tune.study import Study
from rexp.tune.trials import Budget

PRUNE = {"after_trials": 1, "after_epochs": 2}


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    """The words of a model on forty users of two tastes."""
    random = np.random.default_rng(0)
    taken = [random.permutation(15)[:9] + 15 * (user % 2) for user in range(40)]
    rows = [f"u{user},{item},{when}" for user, items in enumerate(taken) for when, item in enumerate(items)]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    table = ["data=csv", f"data.path={tmp_path / 'mine.csv'}", f"paths.store={tmp_path / 'runs'}", "track=none"]
    return [*table, "references=[]", "model=mf", "model.factors=8", "train.patience=0", "train.batch_size=64"]


def searched(folder: Path, words: list[str], rates: list[float]) -> Study:
    """A search over learning rates, one after the other."""
    written = {"metric": "ndcg@10", "sampler": {"name": "grid"}, "prune": PRUNE}
    space = make_space(Path("space.yaml"), {**written, "space": {"train.lr": {"choice": rates}}})
    with hydra_session():
        overrides, base = common(space, words)
        request = read(base)
        study = Study(folder / "runs" / ".tune" / "space", space)
        search(study, Store(request.store), request, overrides, Budget(len(rates), None), sweeping=True)
    return study


@contextmanager
def closed(study: Study) -> Iterator[list[Any]]:
    """Optuna's own trials of a search."""
    try:
        yield study._study.get_trials()
    finally:
        study.close()


@pytest.mark.slow
def test_a_bad_trial_is_given_up_and_the_best_is_not(data: list[str], tmp_path: Path) -> None:
    study = searched(tmp_path, [*data, "train.max_epochs=6"], [0.02, 1e-7, 0.05])
    with closed(study) as trials:
        assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "COMPLETE"]
        good, bad, _ = trials
        assert list(good.intermediate_values) == [1, 2, 3, 4, 5, 6]
        assert list(bad.intermediate_values) == [1, 2, 3]  # none is given up in its first two epochs
        assert max(bad.intermediate_values.values()) < good.intermediate_values[3]
        assert study.ranked()[0].value == pytest.approx(max(trial.value or 0 for trial in trials))


@pytest.mark.slow
def test_a_fine_tune_says_nothing_of_a_trial(data: list[str], tmp_path: Path) -> None:
    """Its epochs begin with 1 again; here they outnumber those of the fit."""
    steps = ["compress=factorize", "compress.stages.factorize.rank=2", "compress.finetune.max_epochs=4"]
    study = searched(tmp_path, [*data, *steps, "train.max_epochs=2"], [0.05])
    with closed(study) as trials:
        assert [list(trial.intermediate_values) for trial in trials] == [[1, 2]]
        assert trials[0].state.name == "COMPLETE"


@pytest.mark.slow
def test_a_full_disk_ends_a_search_and_is_no_trial(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_trial = objective.run_trial

    def full(trial: Any, *others: Any, **named: Any) -> float:
        if trial.params["train.lr"] == "0.02":
            raise StoreError("no space left")
        return run_trial(trial, *others, **named)

    words, rates = [*data, "train.max_epochs=1"], [0.05, 0.02]
    with monkeypatch.context() as patched:
        patched.setattr(objective, "run_trial", full)
        with pytest.raises(StoreError, match="no space left"):
            searched(tmp_path, words, rates)
    study = searched(tmp_path, words, rates)
    with closed(study):
        assert [(trial.number, trial.state) for trial in study.trials()] == [(1, "complete"), (2, "complete")]

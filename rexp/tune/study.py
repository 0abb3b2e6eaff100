"""A search on the disk, which any number of processes may join and any may leave at any moment.

A trial has a number of its own, from 1. A process that dies leaves its trial running in optuna's eyes with a lock that
nobody holds: the next one who asks marks that attempt as failed and tries the same values again under the same number.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.pruners import MedianPruner, NopPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import TrialState
from sqlalchemy.pool import NullPool

from rexp.errors import ConfigError, StoreError
from rexp.io.atomic import one_line_errors
from rexp.io.locks import Locks
from rexp.store.identity import alias_key, canonical_json
from rexp.tune.trials import Budget, TrialRecord, busy_seconds

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

    from rexp.io.json_types import Json, JsonView
    from rexp.tune.search_space import Prune, Space

LOCK_SECONDS = 60.0
"""How long a process waits for another one that writes to the same search."""


class Study:
    """The search in a folder.

    Args:
        folder: ``<store>/.tune/<name>``.
        space: what is searched.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        self.folder, self.space = folder, space
        self._file = folder / "study.db"
        self._locks = Locks(folder / ".locks")
        self._grid = space.grid() if space.file.sampler.name == "grid" else []

    @property
    def exists(self) -> bool:
        return self._file.exists()

    def open(self, about: JsonView, *, metric: str, higher: bool) -> None:
        """Begin the search, or join it.

        Args:
            about: what makes it this search and no other: the space, the overrides, the data.
            metric: what is compared; kept with the search.
            higher: whether more of it is better.

        Raises:
            ConfigError: the folder holds another search.
        """
        with one_line_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._asking():
                self._study = optuna.create_study(
                    storage=self._storage(),
                    study_name="rexp",
                    direction="maximize" if higher else "minimize",
                    pruner=_pruner(self.space.file.prune),
                    load_if_exists=True,
                )
                self._check_same(about)
                self._study.set_user_attr("metric", metric)
                self._study.set_user_attr("about", canonical_json(about))

    def look(self) -> None:
        """Open a search that there is, to be looked at.

        Raises:
            StoreError: there is none.
        """
        if not self.exists:
            raise StoreError(f"{self.folder} holds no search; begin it with the same command without --show")
        try:
            self._study = optuna.load_study(study_name="rexp", storage=self._storage())
        except KeyError as error:
            raise StoreError(f"{self._file} holds no search yet; try again in a moment") from error

    @property
    def metric(self) -> str:
        return str(self._study.user_attrs.get("metric", "value"))

    @property
    def higher(self) -> bool:
        """Whether more is better."""
        return self._study.direction.name == "MAXIMIZE"

    def trials(self) -> list[TrialRecord]:
        """Every trial once, by number; attempts that died are left out."""
        now = time.time()
        tried = [self._tried(trial, now) for trial in self._study.get_trials(deepcopy=False)]
        return sorted((trial for trial in tried if trial is not None), key=lambda trial: trial.number)

    def ranked(self) -> list[TrialRecord]:
        """Complete trials, the best first; of equals the earlier."""
        complete = [(trial.value, trial) for trial in self.trials() if trial.state == "complete"]
        sign = -1.0 if self.higher else 1.0
        return [trial for _, trial in sorted(complete, key=lambda pair: (sign * (pair[0] or 0.0), pair[1].number))]

    def total(self, budget: Budget) -> int | None:
        """Maximum number of trials; None if only time bounds them."""
        bounds = [bound for bound in (budget.trials, len(self._grid) or None) if bound is not None]
        return min(bounds, default=None)

    def over(self, budget: Budget) -> bool:
        """Whether no further trial may begin."""
        tried, total = self.trials(), self.total(budget)
        if total is not None and len(tried) >= total:
            return True
        return budget.minutes is not None and busy_seconds(tried) >= 60 * budget.minutes

    @contextmanager
    def next_trial(self, budget: Budget) -> Iterator[tuple[int, Trial] | None]:
        """The next trial and its number, held while the block runs; None where the budget is spent.

        One that the block neither told nor marked is as good as dead: it will be tried again.
        """
        with ExitStack() as held:
            with self._asking():
                self._bury()
                asked = None if self.over(budget) else self._ask()
                if asked is not None:
                    held.enter_context(self._locks.hold(str(asked[1].number)))
            yield asked

    def complete(self, trial: Trial, value: float) -> None:
        self._study.tell(trial, value)

    def prune(self, trial: Trial) -> None:
        self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, error: str) -> None:
        """A trial that came to an end without a value; it counts, and is not tried again."""
        trial.set_user_attr("error", error)
        self._study.tell(trial, state=TrialState.FAIL)

    def close(self) -> None:
        """Let go of the file."""
        if study := getattr(self, "_study", None):
            study._storage.remove_session()

    # Inside

    def _check_same(self, about: JsonView) -> None:
        before = json.loads(self._study.user_attrs.get("about", "{}"))
        now = json.loads(canonical_json(about))
        changed = sorted(key for key in now if before.get(key) != now[key])
        if before and changed:
            raise ConfigError(
                f"{self.folder} holds a search that differs in {', '.join(changed)}; give this one another --name, "
                "or remove that folder"
            )

    def _storage(self) -> optuna.storages.BaseStorage:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        # Without a pool no connection outlives its use: Python 3.13 warns of those that nobody closed.
        return optuna.storages.RDBStorage(
            f"sqlite:///{self._file}",
            engine_kwargs={"connect_args": {"timeout": LOCK_SECONDS}, "poolclass": NullPool},
        )

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One process at a time decides what comes next."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.folder / ".asking.lock", timeout=LOCK_SECONDS):
                yield
        except Timeout as error:
            raise StoreError(f"{self.folder} is held by another process; is one of them stopped?") from error

    def _bury(self) -> None:
        """Mark the attempts of processes that are gone."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not self._locks.is_held_by_another(str(trial.number)):
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _ask(self) -> tuple[int, Trial]:
        """The first number that has no trial, with the values of an attempt that died where there was one."""
        trials = self._study.get_trials(deepcopy=False)
        waiting = [trial for trial in trials if trial.state is TrialState.WAITING]
        if waiting:  # its process died between the two lines below
            number = int(waiting[0].user_attrs["number"])
        else:
            taken = {trial.number for trial in self.trials()}
            number = next(n for n in range(1, len(taken) + 2) if n not in taken)
            self._study.enqueue_trial(self._values(number, trials), {"number": number})
        self._study.sampler = self._sampler(number)
        trial = self._study.ask()
        for dimension in self.space.dimensions:
            dimension.suggest(trial)
        for epoch, value in _reported(number, trials).items():
            trial.report(value, epoch)
        return number, trial

    def _values(self, number: int, trials: list[FrozenTrial]) -> Json:
        if self._grid:
            return self._grid[number - 1]
        before = [trial.params for trial in trials if trial.user_attrs.get("number") == number]
        return max(before, key=len, default={})

    def _sampler(self, number: int) -> BaseSampler:
        """Made anew for every trial, so that a proposal depends on what was found and not on who was asked."""
        wanted = self.space.file.sampler
        seed = int(alias_key({"seed": wanted.seed, "trial": number})[:8], 16)
        return TPESampler(seed=seed) if wanted.name == "tpe" else RandomSampler(seed=seed)

    @staticmethod
    def _tried(trial: FrozenTrial, now: float) -> TrialRecord | None:
        states = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.RUNNING: "running"}
        error = str(trial.user_attrs.get("error", ""))
        state = states.get(trial.state, "failed" if error and trial.state is TrialState.FAIL else "")
        if not state or "number" not in trial.user_attrs or trial.datetime_start is None:
            return None
        ended = trial.datetime_complete.timestamp() if trial.datetime_complete else now
        value = trial.value if trial.state is TrialState.COMPLETE else _last(trial)
        began = trial.datetime_start.timestamp()
        return TrialRecord(int(trial.user_attrs["number"]), state, value, trial.params, began, ended, error)


def _last(trial: FrozenTrial) -> float | None:
    values = trial.intermediate_values
    return values[max(values)] if values else None


def _reported(number: int, trials: list[FrozenTrial]) -> dict[int, float]:
    """What earlier attempts of a trial said of its epochs: it goes on from its checkpoint, and so does its curve."""
    found: dict[int, float] = {}
    for trial in trials:
        if trial.user_attrs.get("number") == number:
            found |= trial.intermediate_values
    return found


def _pruner(wanted: Prune | None) -> optuna.pruners.BasePruner:
    if wanted is None:
        return NopPruner()
    # Optuna counts steps from 0, epochs begin with 1.
    return MedianPruner(n_startup_trials=wanted.after_trials, n_warmup_steps=wanted.after_epochs + 1)

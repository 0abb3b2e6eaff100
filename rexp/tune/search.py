"""A search as a call: trials until the budget is spent, whoever began it."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import Interrupted, RexpError, StoreError
from rexp.hydra.compose import compose_job
from rexp.tune.experiment_file import check_writable, kept
from rexp.tune.progress import Watch

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from optuna.trial import Trial

    from rexp.config.job import Request
    from rexp.store.store import Store
    from rexp.tune.objective import Objective
    from rexp.tune.search_space import Space
    from rexp.tune.study import Study
    from rexp.tune.trials import Budget

HOPELESS = 3
"""So many trials may fail before one comes to a value; then it is the space that is wrong."""


def common(space: Space, overrides: Sequence[str], config_dir: Path | None = None) -> tuple[list[str], DictConfig]:
    """Overrides and configuration common to all trials; within :func:`rexp.hydra.compose.hydra_session`.

    Args:
        space: what is searched.
        overrides: beside those of the space.
        config_dir: a folder of further configurations.
    """
    typed = [*space.file.overrides, *overrides]
    check_writable(typed)
    first = compose_job(typed, config_dir)
    # The metric that is chosen by chooses the epoch too, where a model has epochs.
    trained = bool(first.model and first.model.get("fit"))
    if space.file.metric and trained and not _names("train.monitor", typed):
        typed.append(f"train.monitor='{space.file.metric}'")
    compose_job([*typed, *space.overrides(space.first())], config_dir)  # keys that are not there are told now
    return typed, compose_job(typed, config_dir)


def search(
    study: Study,
    store: Store,
    request: Request,
    overrides: Sequence[str],
    budget: Budget,
    *,
    config_dir: Path | None = None,
    jobs: int = 1,
    quiet: bool = False,
    sweeping: bool = False,
) -> None:
    """Try until the budget is spent.

    Args:
        study: begun here, or joined.
        store: holds the runs that trials start from or learn from.
        request: what all trials have in common.
        overrides: the same, as :func:`common` gives it.
        budget: when to stop.
        config_dir: a folder of further configurations.
        jobs: processes that work on the search, for the time left.
        quiet: another process tells of the same search.
        sweeping: what the model has no use for is no error.

    Raises:
        RexpError: every trial fails, the store cannot be written, or the folder holds another search.
    """
    from rexp.tune.objective import check_request, goal, seen_by_trials

    file = study.space.file
    check_request(request)
    split = seen_by_trials(request)
    aim = goal(request, split, file.metric)
    about = {
        "code": request.code(),
        "space": file.space,
        "sampler": asdict(file.sampler),
        "prune": file.prune and asdict(file.prune),
        "overrides": kept(overrides),
        "metric": aim.metric,
        "data": split.fingerprint,
    }
    study.open(about, metric=aim.metric, higher=aim.higher)
    with Watch(study, budget, jobs, quiet=quiet) as watch:
        faults: list[RexpError] = []
        while len(faults) < HOPELESS or study.ranked():
            with study.next_trial(budget) as asked:
                if asked is None:
                    return
                number, trial = asked
                watch.began(number)
                faults += _try(study, store, overrides, config_dir, number, trial, aim, sweeping)
                watch.ended(number)
        raise faults[-1]


def _try(
    study: Study,
    store: Store,
    overrides: Sequence[str],
    config_dir: Path | None,
    number: int,
    trial: Trial,
    aim: Objective,
    sweeping: bool,
) -> list[RexpError]:
    """One trial, told to the search, which goes on whatever becomes of it; what went wrong is returned.

    Raises:
        Interrupted, StoreError: the trial came to no end, and is not told.
    """
    from optuna import TrialPruned

    from rexp.tune.objective import forget, run_trial

    run = f".tune/{study.folder.name}/trials/{number:04d}"
    own = study.space.overrides(trial.params)
    quiet = [] if _names("train.progress", overrides) else ["train.progress=none"]
    typed = [] if sweeping else [word.lstrip("+").partition("=")[0] for word in (*overrides, *own)]
    several = sweeping or "model" in study.space.keys
    faults: list[RexpError] = []
    try:
        job = compose_job([*overrides, *own, *quiet, "force=false"], config_dir)
        value = run_trial(trial, job, store, run, aim, typed=typed, sweeping=several)
    except TrialPruned:
        study.prune(trial)
    except (Interrupted, StoreError):
        raise  # no fault of the trial's values: it is tried again the next time
    except Exception as error:
        if not isinstance(error, RexpError):
            traceback.print_exc()
            error = RexpError(f"{type(error).__name__}: {error}")
        study.fail(trial, str(error))
        faults.append(error)
    else:
        study.complete(trial, value)
    forget(store, run)
    return faults


def _names(key: str, overrides: Sequence[str]) -> bool:
    return any(word.lstrip("+").partition("=")[0] == key for word in overrides)

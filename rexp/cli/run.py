"""``python -m rexp KEY=VALUE ...``: a run, or a sweep with ``-m``."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, Interrupted, RexpError
from rexp.hydra.launch import launch, typed_keys
from rexp.hydra.references import reference_jobs
from rexp.hydra.runtime import config_folders, is_multirun
from rexp.io.text import fail, warn

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.experiment.outcome import Outcome
    from rexp.hydra.launchers import HydraContext


def main(arguments: Sequence[str]) -> int:
    """Compose and run what the arguments say, as Hydra's command line does.

    Returns:
        0, or the exit code of what went wrong; in a sweep every job is tried, and the code is 1 if one failed.
    """
    jobs = Jobs()
    launch(arguments, jobs)
    return _finish(jobs.outcomes)


class Jobs:
    """The task that Hydra calls: a single run, or by rexp's sweeper a sweep; keeps what came of each job."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome | RexpError] = []

    def __call__(self, config: DictConfig) -> None:
        """Run one job and its reference models."""
        if is_multirun():
            raise ConfigError("a sweep of rexp takes hydra/sweeper=rexp, which is the default; leave it as it is")
        self.outcomes = _single(config)

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None:
        """Run every job of a grid."""
        from rexp.sweep.sweep import sweep

        self.outcomes = sweep(config, context, words)


def _single(config: DictConfig) -> list[Outcome | RexpError]:
    """One job, and its reference models as far as it applies to them."""
    from rexp.experiment.baselines import is_quick
    from rexp.experiment.run import run

    references, folders = list(reference_jobs(config)), config_folders()
    asked_for = run(config, typed=typed_keys(), recipe_folders=folders)
    n_items = asked_for.result.data["items"]
    shown = [(name, other) for name, other in references if config.references is not None or is_quick(name, n_items)]
    found = [_reference(name, partial(run, other, recipe_folders=folders)) for name, other in shown]
    return [asked_for, *(outcome for outcome in found if outcome is not None)]


def _reference(name: str, action: Callable[[], Outcome]) -> Outcome | RexpError | None:
    """A reference model's outcome, or what went wrong, which is printed; None where the job does not apply to it."""
    try:
        return action()
    except Interrupted:
        raise
    except ConfigError as error:  # the job itself ran with this configuration
        warn(f"references: {name} is left out: {error}")
        return None
    except RexpError as error:
        fault = error
    except Exception as error:
        traceback.print_exc()
        fault = RexpError(f"{type(error).__name__}: {error}")
    fail(str(fault))
    return fault


def _finish(outcomes: list[Outcome | RexpError]) -> int:
    """Show the table of the jobs that ran here, and say what failed."""
    faults = [outcome for outcome in outcomes if isinstance(outcome, RexpError)]
    done = [outcome for outcome in outcomes if not isinstance(outcome, RexpError)]
    if done:
        from rexp.experiment.summary import show

        show(done)
    if faults:
        fail(f"{len(faults)} of {len(outcomes)} jobs failed; the others are in the store")
        only_configuration = not done and all(isinstance(fault, ConfigError) for fault in faults)
        return 2 if only_configuration else 1
    return 0

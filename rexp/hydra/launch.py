"""From the command line to jobs: Hydra composes, each job runs, and what went wrong is told in one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError, Interrupted, RexpError
from rexp.io.text import say

if TYPE_CHECKING:
    from hydra.types import HydraContext
    from omegaconf import DictConfig

    from rexp.experiment.run import Outcome


def conf_dir() -> Path:
    """rexp's own configurations: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def launch(arguments: Sequence[str]) -> int:
    """Compose and run what the arguments say, as Hydra's command line does.

    Returns:
        0, or the exit code of what went wrong; in a sweep every job is tried, and the code is 1 if one failed.
    """
    import hydra
    from hydra.core.config_store import ConfigStore

    from rexp.config.schema import Root
    from rexp.hydra.config_sources import install
    from rexp.hydra.error_messages import explain
    from rexp.hydra.overrides import prepared
    from rexp.io.yaml import check_folder, folders_named

    for folder in folders_named(arguments):
        check_folder(folder)
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    task = Task()
    job = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(task)
    asked_for_traceback = bool(os.environ.get("HYDRA_FULL_ERROR"))
    # Hydra prints its own report and exits with 1 unless this is set; with it, errors arrive here.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    program, sys.argv = sys.argv, [sys.argv[0], *prepared(arguments)]
    try:
        job()
    except Exception as error:
        fault = explain(error, arguments, composing=not task.began)
        if fault is None or asked_for_traceback:
            raise
        raise fault from error
    finally:
        sys.argv = program
        if not asked_for_traceback:
            del os.environ["HYDRA_FULL_ERROR"]
    if task.fault:
        raise task.fault
    return _finish(task.outcomes)


class Task:
    """What Hydra calls, and what came of it: a single run, or by rexp's sweeper a sweep."""

    def __init__(self) -> None:
        self.began = False
        self.outcomes: list[Outcome | RexpError] = []
        self.fault: RexpError | None = None

    def __call__(self, config: DictConfig) -> None:
        """Run once, with the reference models beside it."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        self.began = True
        with self._faults_kept():
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise ConfigError("a sweep of rexp takes hydra/sweeper=rexp, which is the default; leave it as it is")
            self.outcomes = _single(config)

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None:
        """Run every job of a grid."""
        from rexp.sweep.sweep import sweep

        with self._faults_kept():
            self.outcomes = sweep(config, context, words)

    @contextmanager
    def _faults_kept(self) -> Iterator[None]:
        """Raised from in here, Hydra would print a line of its own."""
        try:
            yield
        except RexpError as fault:
            self.fault = fault


def _single(config: DictConfig) -> list[Outcome | RexpError]:
    """One job, and its reference models as far as it applies to them."""
    from hydra.core.hydra_config import HydraConfig

    from rexp.experiment.run import run
    from rexp.hydra.references import beside, is_quick

    references = list(beside(config))
    asked_for = run(config, typed=_typed(HydraConfig.get().overrides.task))
    n_items = asked_for.result["data"]["items"]
    shown = [(name, other) for name, other in references if config.beside is not None or is_quick(name, n_items)]
    found = [_reference(name, partial(run, other)) for name, other in shown]
    return [asked_for, *(outcome for outcome in found if outcome is not None)]


def _typed(overrides: Sequence[str]) -> list[str]:
    """The keys of overrides; what stands behind them may hold references, which are not followed here."""
    from omegaconf import OmegaConf

    words: Any = OmegaConf.to_container(overrides)
    return [str(word).lstrip("+~").partition("=")[0] for word in words]


def _reference(name: str, action: Callable[[], Outcome]) -> Outcome | RexpError | None:
    """A reference model's outcome, or what went wrong, which is printed; None where the job does not apply to it."""
    try:
        return action()
    except Interrupted:
        raise
    except ConfigError as error:  # the job itself ran with this configuration
        say(f"note: beside: {name} is left out: {error}")
        return None
    except RexpError as error:
        fault = error
    except Exception as error:
        traceback.print_exc()
        fault = RexpError(f"{type(error).__name__}: {error}")
    say(f"rexp: {fault}")
    return fault


def _finish(outcomes: list[Outcome | RexpError]) -> int:
    """Show the table of the jobs that ran here, and say what failed."""
    faults = [outcome for outcome in outcomes if isinstance(outcome, RexpError)]
    done = [outcome for outcome in outcomes if not isinstance(outcome, RexpError)]
    if done:
        from rexp.experiment.run import show

        show(done)
    if faults:
        say(f"rexp: {len(faults)} of {len(outcomes)} jobs failed; the others are in the store")
        only_configuration = not done and all(isinstance(fault, ConfigError) for fault in faults)
        return 2 if only_configuration else 1
    return 0

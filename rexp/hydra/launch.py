"""Hydra's command line: composes, calls the task, and turns errors into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import hydra
from hydra.core.config_store import ConfigStore

from rexp.config.schema import Root
from rexp.errors import RexpError
from rexp.hydra.config_sources import install
from rexp.hydra.error_messages import user_message
from rexp.hydra.overrides import normalize_overrides
from rexp.hydra.runtime import task_overrides
from rexp.io.yaml import check_folder, folders_named
from rexp.plugins.conf_dirs import conf_dir

if TYPE_CHECKING:
    from hydra.types import HydraContext
    from omegaconf import DictConfig


class Task(Protocol):
    """The task function: called with one composed configuration, or with a sweep by rexp's sweeper."""

    def __call__(self, config: DictConfig, /) -> None: ...

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None: ...


class _FaultsKept:
    """A task as Hydra calls it. An error raised through Hydra would print a line of Hydra's own; so it is kept."""

    def __init__(self, task: Task) -> None:
        self.task, self.composed = task, False
        self.fault: RexpError | None = None

    def __call__(self, config: DictConfig) -> None:
        self.composed = True  # what goes wrong from here on is no fault of the composition
        with self._kept():
            self.task(config)

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None:
        with self._kept():
            self.task.sweep(config, context, words)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except RexpError as fault:
            self.fault = fault


def typed_keys() -> list[str]:
    """The keys that the command line gives values for, as they are read inside of a task."""
    return [word.lstrip("+~").partition("=")[0] for word in task_overrides()]


def launch(arguments: Sequence[str], task: Task) -> None:
    """Compose what the arguments say, as Hydra's command line does, and hand it to the task.

    Raises:
        RexpError: what cannot be composed, in one line; what the task raised.
    """
    for folder in folders_named(arguments):
        check_folder(folder)
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    job = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(kept := _FaultsKept(task))
    asked_for_traceback = bool(os.environ.get("HYDRA_FULL_ERROR"))
    # Hydra prints its own report and exits with 1 unless this is set; with it, errors arrive here.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    program, sys.argv = sys.argv, [sys.argv[0], *normalize_overrides(arguments)]
    try:
        job()
    except Exception as error:
        fault = user_message(error, arguments, composing=not kept.composed)
        if fault is None or asked_for_traceback:
            raise
        raise fault from error
    finally:
        sys.argv = program
        if not asked_for_traceback:
            del os.environ["HYDRA_FULL_ERROR"]
    if kept.fault:
        raise kept.fault

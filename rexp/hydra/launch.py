"""Hydra's command line: composes, calls the task, and turns errors into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import hydra
from hydra.core.config_store import ConfigStore

from rexp.config.schema import Root
from rexp.hydra.config_sources import install
from rexp.hydra.error_messages import user_message
from rexp.hydra.overrides import normalize_overrides
from rexp.io.yaml import check_folder, folders_named
from rexp.plugins.conf_dirs import conf_dir

if TYPE_CHECKING:
    from hydra.types import HydraContext
    from omegaconf import DictConfig


class Task(Protocol):
    """The task function: called with one composed configuration, or with a sweep by rexp's sweeper."""

    began: bool
    """Composition is done: what goes wrong from here on is no fault of it."""

    def __call__(self, config: DictConfig, /) -> None: ...

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None: ...


def launch(arguments: Sequence[str], task: Task) -> None:
    """Compose what the arguments say, as Hydra's command line does, and hand it to the task.

    Raises:
        RexpError: what cannot be composed, in one line.
    """
    for folder in folders_named(arguments):
        check_folder(folder)
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    job = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(task)
    asked_for_traceback = bool(os.environ.get("HYDRA_FULL_ERROR"))
    # Hydra prints its own report and exits with 1 unless this is set; with it, errors arrive here.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    program, sys.argv = sys.argv, [sys.argv[0], *normalize_overrides(arguments)]
    try:
        job()
    except Exception as error:
        fault = user_message(error, arguments, composing=not task.began)
        if fault is None or asked_for_traceback:
            raise
        raise fault from error
    finally:
        sys.argv = program
        if not asked_for_traceback:
            del os.environ["HYDRA_FULL_ERROR"]

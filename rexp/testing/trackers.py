"""Checks of trackers; a network is not asked for, W&B stays offline."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from rexp.api import RunInfo
from rexp.testing.check import Check, Subject, require

OFFLINE = "WANDB_MODE", "offline"
VALUES = {"train_loss": 0.5, "valid/ndcg@10": 0.25}
LATER = {"train_loss": 0.25, "valid/recall@20": 0.5}
SUMMARY: dict[str, dict[str, float]] = {"metrics": {"ndcg@10": 0.25}, "cost": {"parameters": 10}}


@contextlib.contextmanager
def elsewhere(subject: Subject) -> Iterator[None]:
    """In an empty folder that is not the run's, and offline."""
    before = os.environ.get(OFFLINE[0])
    os.environ[OFFLINE[0]] = OFFLINE[1]
    cwd = subject.folder / "cwd"
    cwd.mkdir()
    try:
        with contextlib.chdir(cwd):
            yield
    finally:
        if before is None:
            del os.environ[OFFLINE[0]]
        else:
            os.environ[OFFLINE[0]] = before


def tracker(subject: Subject) -> Any:
    directory = subject.folder / "run"
    directory.mkdir(exist_ok=True)
    labels = {"data": "tiny", "model": "mf", "compress": "none"}
    return subject.make(RunInfo("0123456789abcdef", directory, {"seed": 0, "model": {"name": "mf"}}, labels))


def whole_run(subject: Subject) -> None:
    values, later, summary = dict(VALUES), dict(LATER), {key: dict(value) for key, value in SUMMARY.items()}
    with elsewhere(subject):
        one = tracker(subject)
        one.log(values, 1)
        one.log(values, 2)
        one.log(later, 3)
        one.finish(summary, "done")
    require((values, later) == (VALUES, LATER), "log writes into the values it is given")
    require(summary == SUMMARY, "finish writes into the summary it is given")
    left = sorted(path.name for path in (subject.folder / "cwd").iterdir())
    require(not left, f"{', '.join(left)} is written to the working directory, not to the run's")


def resumed(subject: Subject) -> None:
    with elsewhere(subject):
        first = tracker(subject)
        first.log(VALUES, 1)
        first.log(VALUES, 2)
        first.finish({}, "interrupted")
        second = tracker(subject)
        second.log(VALUES, 2)
        second.log(VALUES, 3)
        second.finish(SUMMARY, "done")


def without_epochs(subject: Subject) -> None:
    with elsewhere(subject):
        tracker(subject).finish(SUMMARY, "done")


WHOLE = "tracker.whole-run"
CHECKS = (
    Check(WHOLE, "A tracker that fails is one warning, and its numbers are lost.", whole_run),
    Check("tracker.resumed", "A run that was interrupted goes on in another process.", resumed, (WHOLE,)),
    Check("tracker.without-epochs", "A model with a closed form has no epochs.", without_epochs, (WHOLE,)),
)

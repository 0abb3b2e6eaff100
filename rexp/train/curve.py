"""The curve of a fit: one row an epoch."""

from __future__ import annotations

from typing import TypedDict


class EpochRow(TypedDict):
    """An epoch, as checkpoints and results have it.

    Args:
        epoch: from 1.
        train_loss: mean over the steps.
        seconds: of training.
        validate_seconds: of validation.
        samples_per_second: of training.
        metrics: by name; empty where the epoch was not validated.
    """

    epoch: int
    train_loss: float
    seconds: float
    validate_seconds: float
    samples_per_second: float
    metrics: dict[str, float]


def seconds_of(row: EpochRow) -> float:
    """Seconds of an epoch, validation included."""
    return float(row["seconds"] + row["validate_seconds"])

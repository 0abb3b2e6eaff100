"""Context columns that are made of an interaction's time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.errors import DataError

if TYPE_CHECKING:
    from rexp.data.types import Array
    from rexp.prepare.features.policy import TimePart

DAY = 86_400
LATEST = 253_402_300_800
"""The year 10000 in unix seconds: what is later counts something else than seconds."""


def time_column(times: Array, ticks: int, part: TimePart, start: float) -> pl.Series:
    """A part of each time in UTC.

    Args:
        times: (N,) unix times; see :class:`rexp.data.interactions.Interactions`.
        ticks: how many of them are a second.
        part: see :class:`rexp.prepare.features.policy.ColumnPolicy`.
        start: the earliest training time, from which ``age_days`` counts.

    Returns:
        (N,) days and fractions of them for ``age_days``; else categories, text of two digits: hours from 00, weekdays
        from 00 (Monday), months from 01.

    Raises:
        DataError: times that are no unix seconds.
    """
    seconds = np.floor(times / ticks).astype(np.int64)
    if len(seconds) and not -LATEST < seconds.min() <= seconds.max() < LATEST:
        raise DataError(
            f"a time is {seconds.max()}, beyond the year 9999 in unix seconds; data.features 'from: time' needs "
            "seconds, or dates"
        )
    if part == "age_days":
        return pl.Series(part, (times - start) / (ticks * DAY))
    instants = pl.from_epoch(pl.Series(part, seconds), time_unit="s").dt
    match part:
        case "hour":
            numbers = instants.hour()
        case "month":
            numbers = instants.month()
        case "weekday":
            numbers = instants.weekday() - 1
    return numbers.cast(pl.String).str.zfill(2).cast(pl.Categorical)

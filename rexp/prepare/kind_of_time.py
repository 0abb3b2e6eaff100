"""What the times of interactions mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    KindOfTime = Literal["clock", "order"] | None


def kind_of_time(frames: Iterable[pl.DataFrame]) -> KindOfTime:
    """ "clock"; "order" where every user's times are 1 .. n, which says nothing between users; None: there are none.

    Args:
        frames: all interactions as they were read: without some rows of a user, an order would have gaps.
    """
    timed = [frame.select("user", "time").drop_nulls() for frame in frames if "time" in frame.columns]
    if not timed:
        return None
    if any(frame["time"].dtype.is_temporal() or not _whole(frame["time"]) for frame in timed):
        return "clock"
    if len({frame["user"].dtype for frame in timed}) > 1:
        timed = [frame.with_columns(pl.col("user").cast(pl.String)) for frame in timed]
    of_users = pl.concat(timed, how="vertical_relaxed").group_by("user")
    ranges = of_users.agg(low=pl.col("time").min(), high=pl.col("time").max(), rows=pl.len())
    counted = (ranges["low"] <= 1) & (ranges["high"] - ranges["low"] + 1 == ranges["rows"])
    return "order" if counted.all() else "clock"


def _whole(times: pl.Series) -> bool:
    return times.dtype.is_integer() or bool((times == times.floor()).all())

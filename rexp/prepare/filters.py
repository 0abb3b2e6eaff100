"""Filters in a fixed, recorded order: repeated rows, then ratings, then the k-core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import polars as pl

from rexp.datasets.steps import Step, describe_step
from rexp.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rexp.prepare.filter_config import FilterConfig
    from rexp.prepare.vocabulary import Side


def apply_filters(
    frame: pl.DataFrame, config: FilterConfig, report: list[Step], known: Mapping[Side, pl.Series] | None = None
) -> pl.DataFrame:
    """Filter interactions and append ``{step, rows_before, rows_after, users, items}`` for every step taken.

    What rows are read at all (``where``, ``on_missing``) is up to :mod:`rexp.prepare.row_filters`.

    Args:
        frame: the interactions.
        config: the filters.
        report: takes the steps.
        known: the id of each number, where the frame has numbers for ids.

    Raises:
        ConfigError: a rating threshold on data without ratings.
        DataError: nothing is left.
    """
    if "time" in frame.columns:
        frame = frame.sort("time", maintain_order=True)
    if config.duplicates != "keep":
        frame = record(frame, one_of_each(frame, config.duplicates, known), f"duplicates={config.duplicates}", report)
    if config.min_rating is not None:
        frame = record(frame, keep_rated(frame, config.min_rating), f"min_rating={config.min_rating:g}", report)
    if config.drop_ratings:
        step = "drop_ratings=" + ",".join(f"{rating:g}" for rating in config.drop_ratings)
        frame = record(frame, drop_rated(frame, config.drop_ratings), step, report)
    if config.cores:
        frame = record(frame, k_core(frame, config.user_core, config.item_core), core_step(config), report)
    return frame


def core_step(config: FilterConfig) -> str:
    """Name of the :func:`k_core` step in reports."""
    return f"user_core={config.user_core} item_core={config.item_core}"


def one_of_each(
    frame: pl.DataFrame,
    which: Literal["first", "last", "sum", "mean", "sum_first", "error"],
    known: Mapping[Side, pl.Series] | None = None,
) -> pl.DataFrame:
    """One row for each user and item; the others keep their order.

    Raises:
        ConfigError: ``sum``, ``mean`` or ``sum_first`` of data without ratings, ``sum_first`` of data without times.
        DataError: ``error``, and some pair has several rows.
    """
    pair = ["user", "item"]
    if which in ("first", "last"):
        return _unique_pairs(frame, which)
    if which == "error":
        repeated = frame.filter(pl.struct(pair).is_duplicated())
        if len(repeated):
            user, item = repeated.select(pair).row(0)
            if known is not None:
                user, item = known["user"][user], known["item"][item]
            raise DataError(
                f"data.filter.duplicates=error: {repeated.select(pair).n_unique()} pairs of user and item have several "
                f"rows, the first of them user {user} and item {item}; say what to keep (first, last, sum, mean, "
                "sum_first, keep)"
            )
        return frame
    _require_ratings(frame, f"duplicates={which} is set, but the data has no ratings; take first or last")
    if which == "sum_first" and "time" not in frame.columns:
        raise ConfigError("data.filter.duplicates=sum_first is set, but the data has no times; take sum")
    rating = pl.col("rating").mean() if which == "mean" else pl.col("rating").sum()
    alike = [*pair, "time"] if which == "sum_first" else pair
    return frame.with_columns(rating.over(alike)).pipe(_unique_pairs, "first")


def _unique_pairs(frame: pl.DataFrame, keep: Literal["first", "last"]) -> pl.DataFrame:
    """The first or last row of each user and item, in the order of the rows."""
    pair = ["user", "item"]
    if not all(frame[side].dtype == pl.Int32 for side in pair):
        return frame.unique(pair, keep=keep, maintain_order=True)
    # One number for a pair: half the time of two columns.
    keys = frame.select(pair=pl.col("user").cast(pl.Int64) * 2**32 + pl.col("item"))["pair"]
    return frame.filter(keys.is_first_distinct() if keep == "first" else keys.is_last_distinct())


def keep_rated(frame: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Rows rated at least ``threshold``."""
    _require_ratings(frame, "min_rating is set, but the data has no ratings; set it to null")
    return frame.filter(pl.col("rating") >= threshold)


def drop_rated(frame: pl.DataFrame, ratings: Sequence[float]) -> pl.DataFrame:
    """Rows with none of these ratings."""
    _require_ratings(frame, "drop_ratings is set, but the data has no ratings; set it to []")
    return frame.filter(~pl.col("rating").is_in(list(ratings)))


def _require_ratings(frame: pl.DataFrame, complaint: str) -> None:
    if "rating" not in frame.columns:
        raise ConfigError(f"data.filter.{complaint}")


def k_core(frame: pl.DataFrame, user_core: int, item_core: int) -> pl.DataFrame:
    """The largest part in which every user has ``user_core`` and every item ``item_core`` rows."""
    while True:
        before = len(frame)
        for column, least in (("user", user_core), ("item", item_core)):
            if least > 1:
                frame = frame.filter(pl.len().over(column) >= least)
        if len(frame) == before:
            return frame


def record(
    before: pl.DataFrame, after: pl.DataFrame, step: str, report: list[Step], key: str | None = None
) -> pl.DataFrame:
    """Append what a step left to the report, and refuse one that leaves nothing; ``key`` is the filter's option."""
    report.append(describe_step(step, before, after))
    if after.is_empty():
        option = f"data.filter.{key or step.partition('=')[0]}"
        raise DataError(f"the filter {step} leaves none of {len(before)} interactions; relax {option}")
    return after

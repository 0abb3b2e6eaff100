"""Filters in a fixed, recorded order: repeated rows, then ratings, then the k-core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rexp.datasets.steps import Step, describe_step
from rexp.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

    from rexp.prepare.vocabulary import Side


@dataclass(frozen=True)
class FilterConfig:
    """Filters applied to the interactions before they are split.

    Args:
        where: conditions in SQL that a row must meet, by the file's own names of its columns or by rexp's:
            ``Quantity > 0``, ``InvoiceNo NOT LIKE 'C%'``. A column of numbers alone is one of numbers.
        on_missing: of rows without an id, a rating or a time: ``error``, or ``drop`` leaves them out.
        duplicates: of a user's rows with the same item keep the ``first`` or ``last`` in time, or ``keep`` them all;
            ``sum`` and ``mean`` keep the first with the sum or the mean of their ratings, ``sum_first`` with the sum
            of those of its time alone; ``error`` refuses them.
        min_rating: keeps ratings of at least this.
        drop_ratings: ratings that are taken out, such as the middle one of five, which says neither yes nor no.
        user_core: keeps users with at least this many rows, 0 for all.
        item_core: keeps items with at least this many rows; both are applied again and again until nothing changes.
            Of given parts they are taken in the training part; the others lose the rows of those who left it.
    """

    where: tuple[str, ...] = ()
    on_missing: Literal["error", "drop"] = "error"
    duplicates: Literal["first", "last", "keep", "sum", "mean", "sum_first", "error"] = "first"
    min_rating: float | None = None
    drop_ratings: tuple[float, ...] = ()
    user_core: int = 0
    item_core: int = 0

    def __post_init__(self) -> None:
        if self.user_core < 0 or self.item_core < 0:
            raise ValueError("user_core and item_core cannot be negative; 0 keeps all")

    @property
    def cores(self) -> bool:
        """Whether users or items with few rows are left out."""
        return self.user_core > 1 or self.item_core > 1


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
    import polars as pl

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
    import polars as pl

    pair = ["user", "item"]
    if not all(frame[side].dtype == pl.Int32 for side in pair):
        return frame.unique(pair, keep=keep, maintain_order=True)
    # One number for a pair: half the time of two columns.
    keys = frame.select(pair=pl.col("user").cast(pl.Int64) * 2**32 + pl.col("item"))["pair"]
    return frame.filter(keys.is_first_distinct() if keep == "first" else keys.is_last_distinct())


def keep_rated(frame: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Rows rated at least ``threshold``."""
    import polars as pl

    _require_ratings(frame, "min_rating is set, but the data has no ratings; set it to null")
    return frame.filter(pl.col("rating") >= threshold)


def drop_rated(frame: pl.DataFrame, ratings: Sequence[float]) -> pl.DataFrame:
    """Rows with none of these ratings."""
    import polars as pl

    _require_ratings(frame, "drop_ratings is set, but the data has no ratings; set it to []")
    return frame.filter(~pl.col("rating").is_in(list(ratings)))


def _require_ratings(frame: pl.DataFrame, complaint: str) -> None:
    if "rating" not in frame.columns:
        raise ConfigError(f"data.filter.{complaint}")


def k_core(frame: pl.DataFrame, user_core: int, item_core: int) -> pl.DataFrame:
    """The largest part in which every user has ``user_core`` and every item ``item_core`` rows."""
    import polars as pl

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

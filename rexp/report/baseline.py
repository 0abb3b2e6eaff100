"""Comparison of rows with their baselines, paired over users, or over folds of cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexp.errors import ConfigError
from rexp.report.row_names import row_name
from rexp.report.statistics import Comparison, Test, compare, compare_folds

if TYPE_CHECKING:
    import polars as pl

    from rexp.report.rows import Row
    from rexp.report.statistics import Array
    from rexp.report.tables import Table

Read = Callable[[str], "pl.DataFrame | None"]
FOLLOWS = "teacher"
"""A row key that says nothing of what a baseline must be like: a baseline without distillation has no teacher."""


def parse(text: str) -> dict[str, str]:
    """Parse the labels of a baseline.

    >>> parse("model=mf,compress=none")
    {'model': 'mf', 'compress': 'none'}

    Raises:
        ConfigError: no ``key=value``.
    """
    wanted: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not (key and equals and value):
            raise ConfigError(f"--baseline {text}: '{part}' is not KEY=VALUE, such as compress=none")
        wanted[key] = value
    return wanted


def with_baseline(tables: Sequence[Table], wanted: Mapping[str, str], store: Path, test: Test) -> list[Table]:
    """The tables, with every row compared with its baseline: the row that has the ``wanted`` labels, and beside these
    the row's own.

    Args:
        tables: see :func:`rexp.report.tables.make_tables`.
        wanted: labels by row key.
        store: where the runs lie; their values of every user are read.
        test: see :func:`rexp.report.statistics.compare`.

    Raises:
        ConfigError: a key that names no row of any table, or a baseline that no table has.
    """
    for key in wanted:
        if all(key not in table.keys for table in tables):
            raise ConfigError(f"--baseline {_text(wanted)}: rows are not named by '{key}'; give --rows with it")
    if not any(_matching(table, wanted) for table in tables):
        raise ConfigError(f"--baseline {_text(wanted)}: no row is called so")
    read = reader(store)
    compared = []
    for table in tables:
        baselines = Baselines(table, wanted)
        own = [baselines.of(row) for row in table.rows]
        found = _compare(table, own, read, test)
        rows = []
        for place, (row, baseline) in enumerate(zip(table.rows, own, strict=True)):
            alone = baseline is None and row not in baselines
            rows.append(
                replace(
                    row,
                    comparisons=found.get(place, {}),
                    is_baseline=row in baselines,
                    baseline=" ".join(row_name(baseline)) if baseline else "",
                    unpaired=frozenset(c for c in table.columns if alone and _is_compared(row, c, read)),
                )
            )
        compared.append(replace(table, rows=tuple(rows), baseline=_text(wanted), test=test))
    return compared


class Baselines:
    """Which row each row of a table is compared with.

    It is of the same model, unless ``wanted`` names one, and has the row's other labels. Of several it is the one whose
    configuration is nearest: the fewest keys differ.

    Args:
        table: has the rows.
        wanted: labels of a baseline, by row key.
    """

    def __init__(self, table: Table, wanted: Mapping[str, str]) -> None:
        self._shared = [place for place, key in enumerate(table.keys) if key not in {*wanted, FOLLOWS}]
        self._any_model = "model" in wanted
        rows = _matching(table, wanted)
        self._runs = {row.runs for row in rows}
        self._by_likeness: dict[tuple[str | None, ...], list[Row]] = {}
        for row in rows:
            self._by_likeness.setdefault(self._likeness(row), []).append(row)

    def __contains__(self, row: Row) -> bool:
        """The row is called as baselines are."""
        return row.runs in self._runs

    def of(self, row: Row) -> Row | None:
        """The one row that this row is compared with; None where there is none, or more than one, or where it is it."""
        if row in self:
            return None
        alike = self._by_likeness.get(self._likeness(row), [])
        distances = [_distance(row, other) for other in alike]
        least = min(distances, default=0)
        return alike[distances.index(least)] if distances.count(least) == 1 else None

    def _likeness(self, row: Row) -> tuple[str | None, ...]:
        labels = [row.labels[place] for place in self._shared]
        return (*labels, None if self._any_model else row.config.get("model.name"))


def _distance(row: Row, other: Row) -> int:
    return sum(row.config.get(key) != other.config.get(key) for key in {*row.config, *other.config})


def _matching(table: Table, wanted: Mapping[str, str]) -> list[Row]:
    if not wanted.keys() <= set(table.keys):
        return []
    places = {key: table.keys.index(key) for key in wanted}
    return [row for row in table.rows if all(row.labels[places[key]] == value for key, value in wanted.items())]


def _compare(table: Table, baselines: Sequence[Row | None], read: Read, test: Test) -> dict[int, dict[str, Comparison]]:
    """By row and column; every column is a family of its own."""
    found: dict[int, dict[str, Comparison]] = {}
    places = enumerate(zip(table.rows, baselines, strict=True))
    pairs = [(place, row, baseline) for place, (row, baseline) in places if baseline is not None]
    for column in table.columns:
        for place, comparison in compared_by(table, pairs, column, read, test).items():
            found.setdefault(place, {})[column] = comparison
    return found


def compared_by(
    table: Table, pairs: Sequence[tuple[int, Row, Row]], column: str, read: Read, test: Test
) -> dict[int, Comparison]:
    """Rows compared with their baselines by one column, by the row's place: over folds where the table has them.

    Args:
        table: of the rows.
        pairs: place of a row, the row, its baseline; one whose column is not measured by user, or fold, is left out.
        column: what is compared.
        read: see :func:`reader`.
        test: over users.
    """
    if not table.folded:
        of_users = {place: d for place, row, other in pairs if (d := differences(row, other, column, read)) is not None}
        return dict(zip(of_users, compare(list(of_users.values()), test), strict=True))
    of_folds = {place: d for place, row, other in pairs if (d := fold_differences(row, other, column)) is not None}
    shares = [folds.test_share for place in of_folds if (folds := table.rows[place].folds)]
    return dict(zip(of_folds, compare_folds(list(of_folds.values()), shares), strict=True))


def fold_differences(row: Row, baseline: Row, column: str) -> Array | None:
    """(n_folds,) of the folds that both rows have; None for a column that is no metric, or of fewer than two folds."""
    if row.folds is None or baseline.folds is None:
        return None
    own, other = (one.folds.means.get(column, {}) for one in (row, baseline) if one.folds)
    both = sorted(own.keys() & other.keys())
    return np.array([own[fold] - other[fold] for fold in both]) if len(both) > 1 else None


def _is_compared(row: Row, column: str, read: Read) -> bool:
    """Whether a column is compared wherever there is a baseline."""
    if row.folds is not None:
        return column in row.folds.means
    return user_means(row, column, read) is not None


def differences(row: Row, baseline: Row, column: str, read: Read) -> Array | None:
    """(n_users,) of the users who have the metric in both rows; None where it is not measured by user."""
    frames = [user_means(one, column, read) for one in (row, baseline)]
    if any(frame is None for frame in frames):
        return None
    own, other = frames
    assert own is not None
    assert other is not None
    both = own.join(other, on="user", how="inner", suffix=" baseline").sort("user")
    values: Array = (both[column] - both[f"{column} baseline"]).to_numpy()
    return values if len(values) else None


def user_means(row: Row, column: str, read: Read) -> pl.DataFrame | None:
    """Every user's mean over the seeds of a row, ``user`` and the column; None where it is not measured by user."""
    import polars as pl

    frames = [frame for run in row.runs if (frame := read(run)) is not None]
    if not frames or any(column not in frame.columns for frame in frames):
        return None
    chosen = [frame.select("user", pl.col(column).fill_nan(None)).drop_nulls() for frame in frames]
    return pl.concat(chosen).group_by("user").agg(pl.col(column).mean())


def reader(store: Path) -> Read:
    """Reads the values of every user of a run, each run once."""
    return cache(lambda run: _per_user(store, run))


def _per_user(store: Path, run: str) -> pl.DataFrame | None:
    import polars as pl

    file = store / run / "per_user.parquet"
    return pl.read_parquet(file) if file.exists() else None


def _text(wanted: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in wanted.items())

"""Comparison of rows with their baselines, paired over users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.report.row_names import DAGGER, DOUBLE_DAGGER, row_name
from rexp.report.statistics import Comparison, Test, compare

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
        baselines = [baseline_of(table, row, wanted) for row in table.rows]
        found, called_so = _compare(table, baselines, read, test), _matching(table, wanted)
        rows = []
        for place, (row, baseline) in enumerate(zip(table.rows, baselines, strict=True)):
            alone = baseline is None and row not in called_so
            rows.append(
                replace(
                    row,
                    comparisons=found.get(place, {}),
                    is_baseline=row in called_so,
                    baseline=" ".join(row_name(baseline)) if baseline else "",
                    unpaired=frozenset(c for c in table.columns if alone and user_means(row, c, read) is not None),
                )
            )
        compared.append(replace(table, rows=tuple(rows), baseline=_text(wanted), test=test))
    return compared


def baseline_of(table: Table, row: Row, wanted: Mapping[str, str]) -> Row | None:
    """The one row that this row is compared with; None where there is none, or more than one, or where it is it.

    It is of the same model, unless ``wanted`` names one, and has the row's other labels. Of several the one whose
    configuration is nearest: the fewest keys differ.
    """
    matching = _matching(table, wanted)
    free = {*wanted, FOLLOWS}
    model = () if "model" in wanted else ("model.name",)
    alike = [
        other
        for other in matching
        if all(a == b for key, a, b in zip(table.keys, row.labels, other.labels, strict=True) if key not in free)
        and all(row.config.get(key) == other.config.get(key) for key in model)
    ]
    distances = [_distance(row, other) for other in alike]
    nearest = [other for other, distance in zip(alike, distances, strict=True) if distance == min(distances)]
    return nearest[0] if len(nearest) == 1 and row not in matching else None


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
    for column in table.columns:
        pairs = [
            (place, values)
            for place, (row, baseline) in enumerate(zip(table.rows, baselines, strict=True))
            if baseline is not None and (values := differences(row, baseline, column, read)) is not None
        ]
        for (place, _), comparison in zip(pairs, compare([d for _, d in pairs], test), strict=True):
            found.setdefault(place, {})[column] = comparison
    return found


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


def _users(comparison: Comparison) -> int:
    return comparison.n_users


def _text(wanted: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in wanted.items())


def footnotes(table: Table) -> Iterator[str]:
    """Footnotes that explain the marks of a compared table."""
    if not table.baseline:
        return
    compared = [comparison for row in table.rows for comparison in row.comparisons.values()]
    if compared:
        users = {f"{comparison.n_users:,}" for comparison in (min(compared, key=_users), max(compared, key=_users))}
        name = {"wilcoxon": "Wilcoxon signed-rank test", "t": "paired t-test"}[table.test]
        yield (
            f"{DAGGER} differs from {table.baseline} with p < 0.05: {name} over "
            f"{' to '.join(sorted(users, key=len))} users, Holm-adjusted within the column"
        )
        for baseline in dict.fromkeys(row.baseline for row in table.rows if row.comparisons):
            theirs = [" ".join(row_name(row)) for row in table.rows if row.comparisons and row.baseline == baseline]
            yield f"compared with {baseline}: {', '.join(theirs)}"
    elif not all(row.is_baseline for row in table.rows) and not any(row.unpaired for row in table.rows):
        yield f"no row is compared with {table.baseline}: no column is measured by user"
    if any(row.unpaired for row in table.rows):
        yield f"{DOUBLE_DAGGER} no baseline: no one row of {table.baseline} is like this one in model and other labels"

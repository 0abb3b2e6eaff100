"""Tables for other programs: one line a row with plain numbers, as CSV and as Parquet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rexp.io.atomic import write_parquet as write_whole

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from rexp.report.rows import Row
    from rexp.report.tables import Table


def frame(tables: Sequence[Table]) -> pl.DataFrame:
    """One line a row of every table: its heading, names, seeds and run ids; mean, sd and n of each column, and what the
    comparison with its baseline gave."""
    import polars as pl

    keys = list(dict.fromkeys(key for table in tables for key in table.keys))
    columns = list(dict.fromkeys(column for table in tables for column in table.columns))
    lines = [dict(_line(table, row, keys, columns)) for table in tables for row in table.rows]
    names = list(dict.fromkeys(name for line in lines for name in line))
    return pl.DataFrame({name: [line.get(name) for line in lines] for name in names}, strict=False)


def comma_separated(tables: Sequence[Table]) -> str:
    """:func:`frame` as CSV."""
    return frame(tables).write_csv()


def write_parquet(tables: Sequence[Table], path: Path) -> None:
    """:func:`frame` as a Parquet file."""
    write_whole(frame(tables), path)


def _line(table: Table, row: Row, keys: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
    yield "table", table.heading
    names = dict(zip(table.keys, row.labels, strict=True))
    for key in keys:
        yield key, names.get(key, "")
    yield "difference", row.difference
    yield "seeds", " ".join(map(str, row.seeds))
    if row.folds:
        yield "folds", " ".join(map(str, row.folds.numbers))
    yield "runs", " ".join(row.runs)
    if table.baseline:
        yield "baseline", "itself" if row.is_baseline else row.baseline or "none"
    for column in columns:
        cell = row.cells.get(column)
        yield f"{column} mean", _number(cell.mean) if cell else None
        yield f"{column} sd", _number(cell.sd) if cell else None
        yield f"{column} n", cell.n if cell else 0
        if comparison := row.comparisons.get(column):
            for name, value in asdict(comparison).items():
                yield f"{column} {name}", value


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value

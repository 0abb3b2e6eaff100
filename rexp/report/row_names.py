"""Names of rows; short ones for legends and narrow pages, where ``compress.stages.table.budget=256`` is too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rexp.report.rows import Row

PAIRS = re.compile(r", (?=[\w.@/-]+=)")
"""Between two ``key=value`` of a row's difference."""
DAGGER, DOUBLE_DAGGER = "†", "‡"
"""On a value that differs from its baseline's, and on one that has no baseline."""


def row_name(row: Row) -> tuple[str, ...]:
    """The row's labels; what sets it apart from its like stands with the last one."""
    if not row.difference:
        return row.labels
    return (*row.labels[:-1], f"{row.labels[-1]} ({row.difference})")


def short_differences(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Distinguishing options of each row as ``key=value``, with keys shortened where unambiguous.

    >>> from rexp.report.rows import Row
    >>> rows = [Row(("mf",), "model.factors=8, teacher.factors=64, fit.loss.name=bpr", (0,), ("r",), {}, {})]
    >>> short_differences(rows)
    [('model.factors=8', 'teacher.factors=64', 'loss.name=bpr')]
    """
    pairs = [[pair.partition("=") for pair in PAIRS.split(row.difference) if pair] for row in rows]
    keys = {key for own in pairs for key, _, _ in own}
    ends = Counter(key.rpartition(".")[2] for key in keys)
    return [tuple(f"{_short(key, ends)}={value}" for key, _, value in own) for own in pairs]


def _short(key: str, ends: Counter[str]) -> str:
    end = key.rpartition(".")[2]
    return end if ends[end] == 1 and end != "name" else ".".join(key.split(".")[-2:])


def short_names(rows: Sequence[Row]) -> list[str]:
    """One line a row: its labels, and in brackets what sets it apart."""
    differences = short_differences(rows)
    return [
        " ".join([*filter(None, row.labels), *([f"({', '.join(own)})"] if own else [])])
        for row, own in zip(rows, differences, strict=True)
    ]

"""A store of made-up runs, read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rexp.report.all_columns import all_columns
from rexp.report.tables import Table, make_tables
from rexp.store.store import Store

from .stores import make_store

if TYPE_CHECKING:
    from rexp.store.result import RunResult


@dataclass(frozen=True)
class Made:
    """A store, all its results, and its two tables with all columns."""

    store: Store
    results: Sequence[RunResult]
    full: Table
    two_stage: Table

    def place(self, run: str) -> int:
        """Of the row of this run in the table of the full protocol."""
        return next(place for place, row in enumerate(self.full.rows) if run in row.runs)


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    store = Store(make_store(tmp_path_factory.mktemp("made") / "runs"))
    results = list(store.runs())
    by_protocol = {table.heading.split(" · ")[1]: all_columns(table, results) for table in make_tables(results)}
    return Made(store, results, by_protocol["protocol full"], by_protocol["protocol two_stage"])

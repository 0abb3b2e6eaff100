"""Footnotes of a table whose rows are compared with a baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rexp.report.row_names import DAGGER, DOUBLE_DAGGER, row_name

if TYPE_CHECKING:
    from rexp.report.statistics import Comparison
    from rexp.report.tables import Table


def footnotes(table: Table) -> Iterator[str]:
    """Footnotes that explain the marks of a compared table."""
    if not table.baseline:
        return
    compared = [comparison for row in table.rows for comparison in row.comparisons.values()]
    if compared:
        ends = (min(compared, key=_size), max(compared, key=_size))
        sizes = " to ".join(sorted({f"{_size(comparison):,}" for comparison in ends}, key=len))
        if table.folded:
            over = f"corrected resampled t-test (Nadeau and Bengio 2003) over {sizes} folds"
        else:
            over = {"wilcoxon": "Wilcoxon signed-rank test", "t": "paired t-test"}[table.test] + f" over {sizes} users"
        yield f"{DAGGER} differs from {table.baseline} with p < 0.05: {over}, Holm-adjusted within the column"
        for baseline in dict.fromkeys(row.baseline for row in table.rows if row.comparisons):
            theirs = [" ".join(row_name(row)) for row in table.rows if row.comparisons and row.baseline == baseline]
            yield f"compared with {baseline}: {', '.join(theirs)}"
    elif not all(row.is_baseline for row in table.rows) and not any(row.unpaired for row in table.rows):
        yield f"no row is compared with {table.baseline}: no column is measured by user"
    if any(row.unpaired for row in table.rows):
        yield f"{DOUBLE_DAGGER} no baseline: no one row of {table.baseline} is like this one in model and other labels"


def _size(comparison: Comparison) -> int:
    return comparison.n_folds or comparison.n_users

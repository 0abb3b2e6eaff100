"""Verdicts on a reproduced table: published against measured values, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rexp.paper.paper import Paper, PaperRow
    from rexp.paper.record import PaperRecord

Verdict = Literal["reproduced", "outside tolerance", "not run", "unverified", "own"]
DIGITS = 4
"""Published values have that many; ours are rounded to as many before they are compared."""


@dataclass(frozen=True)
class CheckedCell:
    """One published value and what ours came to.

    Args:
        row, metric: which.
        published: None for a value of our own that nobody published.
        ours, sd: mean and sample deviation over seeds; None where there are too few.
        seeds: how many were run.
        wanted: how many the paper's file asks for.
        tolerance: of the difference.
        verdict: ``unverified`` where the published value was not read at its source, ``own`` where there is none.
        seconds: mean time of a fit.
        weight_bytes: of the file of weights.
        source: of the published value.
    """

    row: str
    metric: str
    published: float | None
    ours: float | None
    sd: float | None
    seeds: int
    wanted: int
    tolerance: float
    verdict: Verdict
    seconds: float | None
    weight_bytes: float | None
    source: str

    @property
    def difference(self) -> float | None:
        """Ours - published, both as printed."""
        if self.published is None or self.ours is None:
            return None
        return round(round(self.ours, DIGITS) - self.published, DIGITS)


@dataclass(frozen=True)
class CheckedOrder:
    """Rows that must fall from one to the next by the first metric; ``holds`` is None where one was not run."""

    rows: tuple[str, ...]
    metric: str
    holds: bool | None


@dataclass(frozen=True)
class Check:
    """A paper's verdicts."""

    cells: tuple[CheckedCell, ...]
    orders: tuple[CheckedOrder, ...]

    @property
    def missed(self) -> bool:
        """A verified value is outside its tolerance, or an order does not hold."""
        outside = any(cell.verdict == "outside tolerance" for cell in self.cells)
        return outside or any(order.holds is False for order in self.orders)


def check(paper: Paper, records: Sequence[PaperRecord]) -> Check:
    """Compare the recorded runs with what was published.

    Args:
        paper: its rows.
        records: of its runs; see :mod:`rexp.paper.record`.
    """
    runs: dict[str, list[PaperRecord]] = {}
    for record in records:
        runs.setdefault(record.row, []).append(record)
    cells = [
        _cell(paper, row, metric, row.published.get(metric), runs.get(row.name, []))
        for row in paper.rows
        for metric in (row.published or _own_metrics(paper, runs.get(row.name, [])))
    ]
    return Check(tuple(cells), tuple(_order(paper, order, runs) for order in paper.orders))


def _own_metrics(paper: Paper, records: Sequence[PaperRecord]) -> Sequence[str]:
    """Of a row without published values: the paper's metrics that it has."""
    return [metric for metric in paper.metrics if any(metric in record.metrics for record in records)]


def _cell(
    paper: Paper, row: PaperRow, metric: str, published: float | None, records: Sequence[PaperRecord]
) -> CheckedCell:
    values = _values(records, metric)
    ours = fmean(values) if values else None
    tolerance = paper.tolerance_of(row)
    cell = CheckedCell(
        row=row.name,
        metric=metric,
        published=published,
        ours=ours,
        sd=stdev(values) if len(values) > 1 else None,
        seeds=len(values),
        wanted=len(paper.seeds_of(row)),
        tolerance=tolerance,
        verdict="not run",
        seconds=fmean(record.cost["fit_seconds"] for record in records) if records else None,
        weight_bytes=records[0].cost.get("weight_bytes") if records else None,
        source=row.source or paper.source,
    )
    return _judged(cell, row.unverified)


def _judged(cell: CheckedCell, unverified: bool) -> CheckedCell:
    if cell.ours is None:
        return cell
    if cell.published is None:
        return replace(cell, verdict="own")
    if unverified:
        return replace(cell, verdict="unverified")
    assert cell.difference is not None
    within = abs(cell.difference) <= cell.tolerance + 1e-9
    return replace(cell, verdict="reproduced" if within else "outside tolerance")


def _order(paper: Paper, rows: tuple[str, ...], runs: Mapping[str, list[PaperRecord]]) -> CheckedOrder:
    metric = next(iter(paper.row(rows[0]).published), paper.metrics[0] if paper.metrics else "")
    values: list[Any] = [_values(runs.get(row, []), metric) for row in rows]
    if not all(values):
        return CheckedOrder(rows, metric, None)
    means = [fmean(found) for found in values]
    return CheckedOrder(rows, metric, all(a > b for a, b in pairwise(means)))


def _values(records: Sequence[PaperRecord], metric: str) -> list[float]:
    return [value for record in records if (value := record.metrics.get(metric)) is not None]

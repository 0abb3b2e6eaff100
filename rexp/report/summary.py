"""Summary table of distillation and compression: share kept, interval, size, latency and test."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.metrics.direction import higher_is_better
from rexp.report.baseline import Baselines, compared_by, reader, user_means
from rexp.report.control import of_control
from rexp.report.statistics import interval
from rexp.report.tables import SHORT, Table, make_tables

if TYPE_CHECKING:
    from pathlib import Path

    from rexp.report.baseline import Read
    from rexp.report.rows import Row
    from rexp.report.statistics import Comparison
    from rexp.store.result import RunResult

KEYS = ("model", "compress")
BYTES, LATENCY = SHORT["bytes"], SHORT["p50_ms"]
UNCOMPRESSED = "none"
TEACHER, PLAIN, REFERENCE = "teacher", "plain", ""
"""Parts of rows beside the names of recipes."""


@dataclass(frozen=True)
class Line:
    """One configuration; NaN and None stand for what is not known.

    Args:
        model: its name.
        part: ``teacher``; ``plain``, a student's model as it is trained alone; ``control of RECIPE``; a recipe; or
            nothing, for any other model.
        value: mean of the metric over users and seeds.
        low, high: its 95 % bootstrap interval over users.
        share: of the best teacher's value.
        size: bytes of the file written.
        smaller: bytes of the plain student by its own.
        latency: p50 of scoring 100 candidates, ms.
        comparison: with the plain row of the same model, paired over users, or over folds where there are any.
    """

    model: str
    part: str
    value: float
    low: float
    high: float
    share: float
    size: float
    smaller: float
    latency: float
    comparison: Comparison | None


@dataclass(frozen=True)
class Summary:
    """Lines of one protocol on one data set: the teacher, each student's model from plain to small, other models."""

    heading: str
    metric: str
    lines: tuple[Line, ...]


def summaries(results: Sequence[RunResult], store: Path, metric: str | None = None) -> list[Summary]:
    """One summary for each table of :func:`rexp.report.tables.make_tables` whose runs have the metric.

    Args:
        results: finished runs.
        store: where they lie; their values of every user are read.
        metric: by default the first of each run.
    """
    known = {result.run_id: result for result in results}
    read = reader(store)
    found = []
    for table in make_tables(results, KEYS):
        chosen = metric or next((name for name in table.columns if name in known[table.rows[0].runs[0]].metrics), "")
        own = [known[run] for row in table.rows for run in row.runs]
        if any(chosen in result.metrics for result in own):
            (narrow,) = make_tables(own, KEYS, [chosen, *(name for name in (BYTES, LATENCY) if _has(own, name))])
            found.append(_summary(narrow, chosen, known, read))
    return found


def _has(results: Sequence[RunResult], cost: str) -> bool:
    return any(cost in result.cost for result in results)


def _summary(table: Table, metric: str, known: Mapping[str, RunResult], read: Read) -> Summary:
    parts = _parts(table.rows, known)
    alone = Baselines(table, {"compress": UNCOMPRESSED})
    plain_runs = {row.runs for row, part in zip(table.rows, parts, strict=True) if part == PLAIN}
    plains = {place: _plain(alone.of(row), row, plain_runs) for place, row in enumerate(table.rows)}
    students = [row for row, part in zip(table.rows, parts, strict=True) if part == PLAIN]
    pairs = [(place, table.rows[place], plain) for place, plain in plains.items() if plain is not None]
    compared = compared_by(table, pairs, metric, read, "wilcoxon")
    taught = [_mean(row, metric) for row, part in zip(table.rows, parts, strict=True) if part == TEACHER]
    best = (min if higher_is_better(metric) is False else max)(taught, default=math.nan)
    lines = []
    for place, (row, part) in enumerate(zip(table.rows, parts, strict=True)):
        dense = plains[place] or (students[0] if len(students) == 1 else None)
        means = user_means(row, metric, read)
        low, high = (math.nan, math.nan) if means is None else interval(means.sort("user")[metric].to_numpy())
        above, below = (best, _mean(row, metric)) if higher_is_better(metric) is False else (_mean(row, metric), best)
        size = _mean(row, BYTES)
        smaller = _mean(dense, BYTES) / size if dense and size > 0 else math.nan
        model = row.labels[0] + (f" ({row.difference})" if row.difference and _is_split(place, table, parts) else "")
        share = above / below if below else math.nan
        latency = _mean(row, LATENCY)
        lines.append(
            Line(model, part, _mean(row, metric), low, high, share, size, smaller, latency, compared.get(place))
        )
    return Summary(table.heading, metric, tuple(sorted(lines, key=lambda line: _order(line, lines, metric))))


def _parts(rows: Sequence[Row], known: Mapping[str, RunResult]) -> list[str]:
    first = [known[row.runs[0]] for row in rows]
    teachers = {run for result in first for run in result.teacher_runs}
    students = {row.labels[0] for row, result in zip(rows, first, strict=True) if result.teacher_runs}
    students |= {row.labels[0] for row in rows if row.labels[1] != UNCOMPRESSED}
    controls: dict[str, dict[str, None]] = {}
    for row, result in zip(rows, first, strict=True):
        if result.control:
            controls.setdefault(of_control(result), {})[row.labels[1]] = None
    parts = []
    for row, result in zip(rows, first, strict=True):
        model, recipe = row.labels
        if not teachers.isdisjoint(row.runs):
            parts.append(TEACHER)
        elif recipe == UNCOMPRESSED:
            parts.append(PLAIN if model in students else REFERENCE)
        elif (of := controls.get(result.configuration)) is not None:
            parts.append(f"control of {', '.join(of)}")
        else:
            parts.append(recipe)
    return parts


def _plain(baseline: Row | None, row: Row, plain_runs: Container[tuple[str, ...]]) -> Row | None:
    """The row's baseline, if that is of the same model and is trained alone."""
    if baseline is None or baseline.labels[0] != row.labels[0] or baseline.runs not in plain_runs:
        return None
    return baseline


def _is_split(place: int, table: Table, parts: Sequence[str]) -> bool:
    """Another row has the same model and part."""
    own = (table.rows[place].labels[0], parts[place])
    return [(row.labels[0], part) for row, part in zip(table.rows, parts, strict=True)].count(own) > 1


def _order(line: Line, lines: Sequence[Line], metric: str) -> tuple[int, int, int, str, float]:
    """Teachers, students by model (plain, controls, recipes by name), then other models from the best on."""
    kind = 0 if line.part == TEACHER else 2 if line.part == REFERENCE else 1
    if kind == 1:
        within = 0 if line.part == PLAIN else 1 if line.part.startswith("control of ") else 2
        return kind, [other.model for other in lines].index(line.model), within, line.part, 0.0
    return kind, 0, 0, "", line.value if higher_is_better(metric) is False else -line.value


def _mean(row: Row, column: str) -> float:
    return row.cells[column].mean if column in row.cells else math.nan

"""From stored results to tables: one for each protocol on each data set, for numbers of unlike rules do not compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, did_you_mean
from rexp.metrics.direction import higher_is_better
from rexp.report.control import column as control_column
from rexp.report.control import with_controls
from rexp.report.folds import over_folds
from rexp.report.rows import ABSENT, PARTS, Row, label, make_rows, newest

if TYPE_CHECKING:
    from rexp.store.result import RunResult

DEFAULT_KEYS = ("model", "compress", "teacher")
DEFAULT_COSTS = ("parameters", "fit_seconds")
SHORT = {"bytes": "weight_bytes", "p50_ms": "score_100_p50_ms", "p95_ms": "score_100_p95_ms"}
"""Shorter names of columns that are often asked for: of the file written, and of scoring 100 candidates."""


@dataclass(frozen=True)
class Table:
    """Rows that may be compared.

    Args:
        heading: data set and protocol in words.
        keys: what names a row.
        columns: metrics, then costs.
        best, second: the best mean of each column that has one, where they differ, and the one after it.
        left_out: older runs of the same configuration and seed that are not in it.
        n_hidden: rows that :func:`rexp.report.best_rows.best_rows` left out.
        baseline, test: what rows were compared with, and how; see :func:`rexp.report.baseline.with_baseline`.
    """

    heading: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    best: Mapping[str, float]
    left_out: int = 0
    second: Mapping[str, float] = field(default_factory=dict)
    baseline: str = ""
    test: str = ""
    n_hidden: int = 0

    @cached_property
    def folded(self) -> bool:
        """Its rows are of several folds of one family."""
        return any(row.folds for row in self.rows)

    @property
    def counts(self) -> tuple[str, ...]:
        """Titles of the columns that say how many runs a row has."""
        return ("seeds", "folds") if self.folded else ("seeds",)

    def counts_of(self, row: Row) -> tuple[int, ...]:
        """The row's own."""
        return (row.n_seeds, row.n_folds) if self.folded else (row.n_seeds,)


def make_tables(
    results: Sequence[RunResult],
    keys: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    *,
    named: Iterable[str] = (),
) -> list[Table]:
    """Tables in the order in which their runs first appear.

    Args:
        results: stored results, of any protocols and data.
        keys: what names a row, by default model and, where more than one was run, the compression.
        named: keys that name a row in any case, where ``keys`` says nothing.
        columns: metrics and costs, by default all metrics, the number of parameters and the time of training.

    Raises:
        ConfigError: no run has such a key or column.
    """
    columns = [SHORT.get(column, column) for column in columns or ()]
    _refuse_unknown(results, keys or (), columns)
    groups: dict[tuple[str, str], list[RunResult]] = {}
    for result in results:
        groups.setdefault((result.protocol_id, result.family or result.fingerprint), []).append(result)
    known = {result.run_id: result for result in results}
    return [_table(group, keys, columns, list(named), known) for group in groups.values()]


def one_table(results: Sequence[RunResult], keys: Sequence[str], columns: Sequence[str]) -> Table:
    """The table of results of one protocol on one data set; a key that none of them has is ``-`` in every row."""
    return _table(list(results), keys, columns, (), {result.run_id: result for result in results})


def _table(
    results: list[RunResult],
    keys: Sequence[str] | None,
    columns: Sequence[str],
    named: Sequence[str],
    known: Mapping[str, RunResult],
) -> Table:
    original = newest(results)
    kept = over_folds(original, known)
    told = [key for key in DEFAULT_KEYS if key in ("model", *named) or len({label(r, key) for r in kept}) > 1]
    chosen = tuple(keys or dict.fromkeys([*told, *named]))
    # A column that no run of this table has would be empty: another table has it.
    names = {part: _names(kept, part) for part in PARTS}
    wanted = tuple(columns) or (*names["metrics"], *DEFAULT_COSTS)
    metric = next((name for name in wanted if name in names["metrics"]), None)
    if metric and any(result.control for result in kept):
        kept, place = over_folds(with_controls(original, metric), known), list(wanted).index(metric) + 1
        wanted = (*wanted[:place], control_column(metric), *wanted[place:])
        names["beside"] = _names(kept, "beside")
    present = {name for known in names.values() for name in known}
    shown = tuple(column for column in wanted if column in present)
    table = Table(_heading(kept), chosen, shown, tuple(make_rows(kept, chosen, shown)), {}, len(results) - len(kept))
    costs = set(names["cost"])
    ranked = {column: means for column in shown if len(means := _from_best(table, column, costs)) > 1}
    return replace(
        table,
        best={column: means[0] for column, means in ranked.items()},
        second={column: means[1] for column, means in ranked.items() if len(means) > 2},
    )


def _from_best(table: Table, column: str, costs: Set[str]) -> list[float]:
    """Distinct means of a column, the best first; none where nobody knows what is better."""
    higher = False if column in costs else higher_is_better(column)
    means = {row.cells[column].mean for row in table.rows if not math.isnan(row.cells[column].mean)}
    return [] if higher is None else sorted(means, reverse=higher)


def _heading(results: Sequence[RunResult]) -> str:
    """The data set and what defines the protocol, and how many users were evaluated."""
    result, facts = results[0], results[0].facts
    parts = [result.data_name, f"protocol {facts.get('protocol', 'unknown')}"]
    if candidates := facts.get("candidates"):
        parts.append(f"{candidates['n']} {candidates['sampler']} candidates" if isinstance(candidates, Mapping) else "")
    if "mask" in facts:
        parts.append("mask " + ("+".join(facts["mask"]) or "none"))
    if "catalogue_size" in facts:
        parts.append(f"catalogue {facts.get('catalogue', 'given')} ({_span(results, 'catalogue_size')} items)")
    if facts.get("targets", "all") != "all":
        parts.append(f"{facts['targets']} targets")
    if "calibrate" in facts:
        parts.append(f"calibrated by {facts['calibrate']}")
    if rule := facts.get("decision"):
        least = "" if rule["at_least"] is None else f" of {rule['at_least']:g}"
        parts.append(f"threshold by {rule['by']}{least}")
    if "n_users_evaluated" in facts:
        parts.append(f"{_span(results, 'n_users_evaluated')} users evaluated")
    if "lists" in facts:
        parts.append(f"a list a {facts['lists']} ({_span(results, 'n_lists')} lists)")
    if "context" in facts:
        lists = f" ({_span(results, 'n_lists')} lists)" if "n_lists" in facts else ""
        parts.append(f"context {facts['context']}{lists}")
    if facts.get("ties", "item_id") != "item_id":
        parts.append(f"ties {facts['ties']}")
    folds = {other.fingerprint for other in results}
    data = f"folds of {result.family[:8]}" if len(folds) > 1 else f"data {result.fingerprint[:8]}"
    parts.append(f"{data}, rules {result.protocol_id[:8]}")
    return " · ".join(part for part in parts if part)


def _span(results: Sequence[RunResult], fact: str) -> str:
    """A number of the facts; of several folds, from the smallest to the largest."""
    by_data = {result.fingerprint: result.facts[fact] for result in results if fact in result.facts}
    low, high = min(by_data.values()), max(by_data.values())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _names(results: Iterable[RunResult], part: str) -> list[str]:
    """Names of metrics or costs, in the order of the results."""
    alike = dict.fromkeys(tuple(result.content.get(part, ())) for result in results)  # of thousands, nearly all are
    return list(dict.fromkeys(name for names in alike for name in names))


def _refuse_unknown(results: Sequence[RunResult], keys: Sequence[str], columns: Sequence[str]) -> None:
    known = {name for part in PARTS for name in _names(results, part)} if columns else set()
    for column in columns:
        if column not in known:
            raise ConfigError(f"no run has the column '{column}'; {did_you_mean(column, known)}")
    for key in keys:
        if all(label(result, key) == ABSENT for result in results):
            raise ConfigError(f"no run has the row key '{key}'; {did_you_mean(key, _row_keys(results))}")


def _row_keys(results: Iterable[RunResult]) -> set[str]:
    found: set[str] = {"data", "run"}
    for result in results:
        found |= {str(key) for key in result.labels}
    return found

"""``rexp report --summary`` on the screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from rexp.io.terminal import UNBOUNDED, Screen, styled
from rexp.report.row_names import DAGGER
from rexp.report.summary import TEACHER, Line, Summary, summaries
from rexp.report.two_stage import System, systems

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from rexp.store.result import RunResult


def show(results: Sequence[RunResult], store: Path, metric: str | None = None, console: Console | None = None) -> None:
    """Print the summary of each protocol, and of runs of two stages what each stage adds.

    Args:
        results: finished runs.
        store: where they lie.
        metric: by default the first of each run.
        console: where to; by default standard output, as wide as the tables are.
    """
    console = console or Screen(width=UNBOUNDED)  # a narrow terminal folds lines; digits are never cut
    single = [result for result in results if not result.config.get("retriever")]
    found = summaries(single, store, metric)
    for summary in found:
        titles = ["model", "", summary.metric, "95 % interval", "of teacher", "bytes", "smaller", "p50 ms", "p"]
        _print(console, summary.heading, titles, list(map(_cells, summary.lines)), 2, list(_notes(summary)))
    if metrics := dict.fromkeys(summary.metric for summary in found):
        _show_stages(results, next(iter(metrics)), console)


def _show_stages(results: Sequence[RunResult], metric: str, console: Console) -> None:
    if not (rows := systems(results, metric)):
        return
    k = metric.partition("@")[2]
    titles = ["retrieves", "ranks", metric, f"recall@{k}", "ceiling", "ranked", "retrieve ms", "rank ms", "both ms"]
    notes = [
        f"ceiling: the best recall@{k} that the candidates allow · ranked: items that the second model scores",
        "ms: median time of one user's list; what is alone retrieves, or ranks the whole catalogue",
    ]
    _print(console, "Two stages beside one", titles, list(map(_system, rows)), 2, notes)


def _cells(line: Line) -> list[str]:
    p = line.comparison
    marked = DAGGER if p and p.significant else ""
    return [
        line.model,
        line.part,
        _number(line.value, ".4f"),
        "-" if math.isnan(line.low) else f"{line.low:.4f} to {line.high:.4f}",
        _number(100 * line.share, ".1f", " %"),
        _number(line.size, ",.0f"),
        _number(line.smaller, ".1f" if line.smaller >= 1 else ".2f", " x"),
        _number(line.latency, ".3f"),
        f"{p.adjusted:.1e}{marked}" if p and p.adjusted < 0.001 else f"{p.adjusted:.3f}{marked}" if p else "-",
    ]


def _system(row: System) -> list[str]:
    accuracy = [_number(number, ".4f") for number in (row.accuracy, row.recall, row.ceiling)]
    times = [_number(number, ".2f") for number in (row.retrieve, row.rank, row.both)]
    return [row.retriever or "-", row.ranker or "-", *accuracy, f"{row.ranked:,}" if row.ranked else "-", *times]


def _notes(summary: Summary) -> Iterator[str]:
    yield "95 % interval: bootstrap over users · bytes: of the file written · p50: median of scoring 100 items"
    if any(line.part == TEACHER for line in summary.lines):
        yield "of teacher: share of the teacher's value · smaller: times, beside the plain student's file"
    compared = [line.comparison for line in summary.lines if line.comparison]
    if compared:
        folds = any(comparison.n_folds for comparison in compared)
        numbers = sorted({comparison.n_folds if folds else comparison.n_users for comparison in compared})
        test = "corrected resampled t-test" if folds else "Wilcoxon signed-rank test"
        over = f"{' to '.join(f'{n:,}' for n in numbers)} {'folds' if folds else 'users'}"
        yield f"p: beside the plain row of the same model, {test} over {over}, Holm-adjusted; {DAGGER} below 0.05"
    if any(line.part.startswith("control of ") for line in summary.lines):
        yield "control: the same steps and epochs without what distils and prunes"


def _number(number: float, form: str, unit: str = "") -> str:
    return f"{number:{form}}{unit}" if math.isfinite(number) else "-"


def _print(
    console: Console,
    heading: str,
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    names: int,
    notes: Sequence[str],
) -> None:
    """A heading, a table whose first ``names`` columns are words, and notes."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(titles):
        grid.add_column(title, justify="left" if place < names else "right", no_wrap=True)
    for cells in rows:
        grid.add_row(*map(styled, cells))
    console.print(styled(heading, "bold"), soft_wrap=True)
    console.print(grid)
    for note in notes:
        console.print(styled(note, "dim"), soft_wrap=True)
    console.print()

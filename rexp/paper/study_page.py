"""A study as a page: its tables, mean ranks and the values that were found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rexp.paper.grid import SEPARATOR
from rexp.paper.mean_ranks import ranks
from rexp.paper.overview import overview
from rexp.paper.page import Grid, Page

if TYPE_CHECKING:
    from rexp.paper.mean_ranks import Ranks
    from rexp.paper.study import Line, Study, Table, Tested
    from rexp.paper.tuning import Tunings

ABOUT = (
    "Nobody published these values: all are rexp's own, on the test part, means over seeds. valid: the first metric of "
    "the row's best trial, on the validation part; trial: which one it was. ±: half of the 95 % interval of the mean "
    "over users; sd: the standard deviation over seeds. Of the teacher: of the table's, which is named below it, "
    "whoever the row learns from. Gap closed: (row - plain) / (teacher - plain), where the teacher is 5 % ahead on the "
    "test part. p: Wilcoxon's signed-rank test over users, seeds averaged, Holm-adjusted over all tests of a table; "
    "† p < 0.05; + or - says which is ahead. Epochs: that were run. CPU s: processor seconds of the row's own process, "
    "without its teacher and its search, over the seeds that took no step from a stored run. Bytes: of the file of "
    "weights; times smaller: than the plain row's. Verdict: own, not run, or outdated."
)
FIRST = ("row", "learns from", "valid")
LAST = ("epochs", "CPU s", "bytes", "times smaller", "seeds", "verdict")


def page(study: Study, tunings: Tunings) -> Page:
    """All tables of a study.

    Args:
        study: see :class:`rexp.paper.study.Study`.
        tunings: what was searched for its rows.
    """
    paper, tables = study.paper, study.tables
    grids = [_grid(table, paper.metrics) for table in tables]
    if side_by_side := overview(tables, paper.metrics[0]):
        grids.insert(0, side_by_side)
    if found := ranks(tables, paper.metrics[0]):
        grids.append(_ranks(found, f"{paper.name}/ranks.svg"))
    if values := tuple(_values(study, tunings)):
        titles = ("row", "values", "valid", "trial", "trials", "search s")
        grids.append(Grid(titles, titles[2:], values, heading="Values found on the validation part"))
    return Page(paper.name, paper.title, ABOUT, tuple(grids), paper.notes)


def summary(study: Study) -> str:
    """Progress of a study."""
    lines = [line for table in study.tables for line in table.lines if not line.stands_for]
    run = [line for line in lines if line.verdict != "not run"]
    return f"{len(run)} of {len(lines)} rows run"


def _grid(table: Table, metrics: list[str]) -> Grid:
    group = table.group
    share = f"of {group.share_of.rpartition(SEPARATOR)[2]}" if group.share_of else "of the teacher"
    shown = {
        "sd": any(line.deviation is not None for line in table.lines),
        "learns from": any(line.teacher for line in table.lines),
        "valid": any(line.valid is not None for line in table.lines),
        share: (group.share_of or group.teacher) is not None,
        "gap closed": group.teacher is not None and group.plain is not None,
        "p (plain)": group.plain is not None,
        "p (control)": any(line.against_control for line in table.lines),
        "times smaller": group.dense is not None or group.plain is not None,
    }
    middle = (metrics[0], "sd", *metrics[1:], share, "gap closed", "p (plain)", "p (control)")
    titles = tuple(title for title in (*FIRST, *middle, *LAST) if shown.get(title, True))
    numbers = tuple(title for title in titles if title not in ("row", "learns from", "verdict"))
    lines = []
    for line in table.lines:
        cells = {**dict(_cells(line, metrics)), share: _number(line.share, ".1%")}
        lines.append(tuple(cells[title] for title in titles))
    return Grid(titles, numbers, tuple(lines), heading=group.name, below=tuple(_below(table)))


def _cells(line: Line, metrics: list[str]) -> Iterator[tuple[str, str]]:
    yield "row", f"{line.row}: {line.stands_for}" if line.stands_for else line.row
    yield "learns from", line.teacher or "-"
    yield "valid", _number(line.valid, ".4f")
    means = line.means or {}
    for place, metric in enumerate(metrics):
        interval = f" ± {line.interval:.4f}" if place == 0 and line.interval is not None else ""
        yield metric, _number(means.get(metric), ".4f") + interval
    yield "sd", _number(line.deviation, ".4f")
    yield "gap closed", _number(line.gap, ".0%")
    yield "p (plain)", _tested(line.against_plain)
    yield "p (control)", _tested(line.against_control)
    yield "epochs", _number(line.epochs, ".0f")
    yield "CPU s", _number(line.cpu_seconds, ",.0f")
    yield "bytes", _number(line.bytes, ",.0f")
    yield "times smaller", _number(line.smaller, ".1f")
    yield "seeds", f"{line.seeds}/{line.wanted}"
    yield "verdict", line.verdict


def _below(table: Table) -> Iterator[str]:
    group = table.group
    named = {"plain": group.plain, "control": group.control, "teacher": group.teacher, "dense": group.dense}
    if any(named.values()):
        yield "; ".join(f"{key}: {name}" for key, name in named.items() if name) + "."
    if table.tests:
        yield f"{table.tests} tests over {table.n_users:,} users."
    if table.simplest:
        best, simplest = table.simplest
        yield f"Within {group.within:.0%} of the best, {best}: the simplest is {simplest}."


def _ranks(found: Ranks, picture: str) -> Grid:
    lines = tuple((row, f"{mean:.2f}") for row, mean in found.means.items())
    apart = max(found.means.values()) - min(found.means.values())
    said = (
        f"Over the {found.tables} tables that are run, of rows that all of them have; 1 is the best. The tests are "
        f"over {found.data_sets} data sets, in each of which a row has its mean rank over the tables: "
        f"Friedman's p {found.p:.3g}; by Nemenyi's test two rows differ where their mean ranks are "
        f"{found.difference:.2f} apart (Demšar, JMLR 2006)"
        f"{': none do.' if apart < found.difference else '.'}"
    )
    return Grid(("row", "mean rank"), ("mean rank",), lines, heading="Mean ranks", below=(said,), picture=picture)


def _values(study: Study, tunings: Tunings) -> Iterator[tuple[str, ...]]:
    for row in study.paper.rows:
        tuned = tunings.of(row)
        if row.tune and tuned:
            words = ", ".join(_short(word) for word in tuned.values)
            trials = f"{len(tuned.trials)}"
            yield row.name, words, f"{tuned.value:.4f}", str(tuned.trial), trials, f"{tuned.seconds:,.0f}"


def _short(word: str) -> str:
    """A word with four digits.

    >>> _short("train.lr=0.0034567891"), _short("loss=bpr")
    ('train.lr=0.003457', 'loss=bpr')
    """
    key, equals, value = word.partition("=")
    try:
        return f"{key}{equals}{value if value.lstrip('-').isdigit() else format(float(value), '.4g')}"
    except ValueError:
        return word


def _tested(found: Tested | None) -> str:
    """A p-value with the sign of the difference.

    >>> from rexp.paper.study import Tested
    >>> _tested(Tested(-0.01, 0.0004)), _tested(Tested(0.01, 0.2)), _tested(None)
    ('- <.001 †', '+ .200', '-')
    """
    if found is None:
        return "-"
    p = "<.001" if found.p < 0.001 else f"{found.p:.3f}".removeprefix("0")
    sign = "+" if found.difference > 0 else "-" if found.difference < 0 else "="
    return f"{sign} {p}" + (" †" if found.significant else "")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

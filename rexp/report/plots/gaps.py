"""Chart of teacher, student and undistilled student."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.report.figures import drawn, new_figure
from rexp.report.plots.bars import draw_bars
from rexp.report.row_names import short_names
from rexp.report.rows import over_seeds
from rexp.store.result import FIT_ONLY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rexp.report.rows import Cell
    from rexp.report.tables import Table
    from rexp.store.result import RunResult

COLOURS = {"control": "#9aa3ad", "student": "#1f77b4", "teacher": "#2b2f36"}


@dataclass(frozen=True)
class Gap:
    """One row of students.

    Args:
        place: of the row in its table.
        control: the same model under the same seeds, trained in the same way without a teacher; may be unknown.
        student, teacher: what they reach.
    """

    place: int
    control: Cell
    student: Cell
    teacher: Cell


def gaps(table: Table, results: Sequence[RunResult], metric: str) -> list[Gap]:
    """The rows whose teachers were measured by the same rules.

    Args:
        table: its rows.
        results: all known ones, among them teachers and controls.
        metric: what is compared.
    """
    known = {result.run_id: result for result in results}
    fitted: dict[str, list[RunResult]] = {}  # thousands of runs: each student's controls are looked up
    for result in results:
        if result.compress_order == FIT_ONLY:
            fitted.setdefault(result.model_and_seed, []).append(result)
    found = []
    for place, row in enumerate(table.rows):
        students = [known[run] for run in row.runs]
        teachers = {run: known[run] for one in students for run in one.teacher_runs if run in known}
        alike = [teacher for teacher in teachers.values() if teacher.comparable_with(students[0])]
        if alike:
            near = ((one, student) for student in students for one in fitted.get(student.model_and_seed, ()))
            controls = {one.run_id: one for one, student in near if one.is_control_of(student)}
            cells = (_cell(group, metric) for group in (controls.values(), students, alike))
            found.append(Gap(place, *cells))
    return [gap for gap in found if gap.student.n and gap.teacher.n]


def _cell(results: Iterable[RunResult], metric: str) -> Cell:
    return over_seeds(result.metrics.get(metric) for result in results)


def draw_gaps(table: Table, metric: str, found: Sequence[Gap]) -> Figure:
    """A group of bars for each row of students."""
    figure, panels = new_figure(1, 1)
    axes = panels[0][0]
    figure.set_size_inches(max(5.2, 1.6 * len(found)), 4.2)
    names = list(map(drawn, short_names(table.rows)))
    groups = [names[gap.place].replace(" ", "\n") for gap in found]
    bars = {name: [getattr(gap, name) for gap in found] for name in COLOURS}
    draw_bars(axes, groups, bars, list(COLOURS.values()))
    axes.tick_params(axis="x", labelsize=6)
    axes.set_ylabel(metric)
    axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure

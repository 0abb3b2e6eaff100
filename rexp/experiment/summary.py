"""The result table of runs that a command made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rexp.io.text import note
from rexp.report.console import render_table
from rexp.report.teachers import add_teachers, teacher_warnings

if TYPE_CHECKING:
    from rexp.experiment.outcome import Outcome


def show(outcomes: Sequence[Outcome]) -> None:
    """The result table of these runs and their teachers, on the screen."""
    results = [outcome.result for outcome in outcomes]
    # All runs of the store are looked at where there is a student; without one the table needs none of them.
    store, teachers = outcomes[0].store, {run for result in results for run in result.teacher_runs}
    known = list(store.briefs()) if teachers else []
    render_table(add_teachers(results, (store.result(run.run_id) for run in known if run.run_id in teachers)))
    for line in teacher_warnings(results, known):
        note(line)

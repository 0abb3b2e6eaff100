"""From a job's configuration to its plan: the one road that runs and the trials of a search take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rexp.config.plan import Plan, resolve
from rexp.experiment.early_checks import check_options, check_with_data
from rexp.experiment.restore import load_parts
from rexp.experiment.teachers import resolve_teachers
from rexp.io.text import note
from rexp.prepare.lint import findings

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.config.job import Request
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.experiment.outcome import Outcome
    from rexp.store.store import Store


def prepare_job(
    config: DictConfig,
    request: Request,
    store: Store,
    load: Callable[[], Split],
    *,
    train: Callable[..., Outcome],
    sweeping: bool,
    part: Part = "test",
) -> Plan:
    """Check all that can be checked, find or make the teachers, resolve the plan, and say what is to be noted.

    Args:
        config, request: the job, composed and read.
        store: holds the runs that it starts from or learns from.
        load: gives its data; called once its options have been checked.
        train: :func:`rexp.experiment.run.run`, which makes a teacher's run.
        sweeping: one of several jobs: what it does not use is a notice, not an error.
        part: what the model will be measured on.

    Raises:
        RexpError: what a user can mend, before anything is trained as far as it can be known then.
    """
    check_options(request)
    split = load()
    parts = load_parts(request.model, store, split, "model")
    if request.recipe.needs_teacher:
        check_with_data(request, split, store, part, parts=parts, sweeping=sweeping)
    teaching = resolve_teachers(config, request, store, split, train=train)
    plan = resolve(request, split, store, parts=parts, teaching=teaching, sweeping=sweeping)
    for notice in (*plan.notices, *(f"{finding.name}: {finding.text}" for finding in findings(split))):
        note(notice)
    return plan

"""A teacher for a probe: the stored one, or its model untrained, which takes as long to answer."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rexp.api import Capability
from rexp.compress.distill.standardized_ensemble import combine
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.experiment.restore import build_model, load_model
from rexp.store.result import SELF

if TYPE_CHECKING:
    from pathlib import Path

    from rexp.config.plan import Plan
    from rexp.plugins.options import Node
    from rexp.store.store import Store

MOST_PAIRS = 50_000_000
"""Pairs of user and item for whose lists a teacher ranks within a few seconds."""


def probe_teacher(plan: Plan, store: Store, untrained: Mapping[str, Node], folder: Path) -> StoredTeacher | str:
    """The teachers of a plan as its stages ask them, or why they cannot be asked now.

    Args:
        plan: its runs need not be in the store.
        store: holds those that are.
        untrained: the models of the others, by the ids that their runs will have.
        folder: takes the lists, in the place of the store.
    """
    split, runs = plan.split, plan.teaching.runs
    if split.n_users * split.n_items > MOST_PAIRS:
        return f"its teacher would rank {split.n_users:,} x {split.n_items:,} pairs first"
    models: list[Any] = []
    for teacher in runs:
        if teacher.run == SELF:
            models.append(deepcopy(plan.model))
        elif teacher.run in untrained:
            model = build_model(untrained[teacher.run], split, "teacher")
            # All scores of one that is fitted in closed form are equal before that, and ties take time.
            if Capability.CLOSED_FORM in model.capabilities():
                return "its teacher is fitted in closed form, and not yet"
            models.append(model)
        else:
            models.append(load_model(store, teacher.run, split, "teacher"))
    if len(models) == 1:
        return StoredTeacher(models[0], split, folder)
    together = combine(models, [teacher.weight for teacher in runs], split, plan.teaching.ensemble)
    return StoredTeacher(together, split, folder)

"""Bytes that a run writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rexp.estimate.memory import checkpoint_bytes, smaller_model
from rexp.estimate.records import Part
from rexp.evaluate.protocols.pointwise import PointwiseTask
from rexp.evaluate.protocols.two_stage import TwoStage
from rexp.measure.parameter_counts import sizes

if TYPE_CHECKING:
    from rexp.config.plan import Plan
    from rexp.evaluate.evaluator import Evaluator

A_VALUE = 8
"""Bytes of a metric's value of one user, or of his id."""


def disk_parts(plan: Plan, evaluator: Evaluator, fitted: int = 0) -> Iterator[Part]:
    """What a run writes; its record (configuration, manifest, result, a line an epoch), some ten thousand bytes, is
    left out.

    Compression mostly makes the weights smaller than they are taken for here; a checkpoint goes when the run is done.

    Args:
        plan: of the run.
        evaluator: that measures it.
        fitted: bytes of the weights that a fit in closed form makes, where they are known.
    """
    weights, smaller = max(fitted, sizes(plan.model)["tensor_bytes"]), smaller_model(plan)
    yield Part("weights", weights, smaller)
    if (between := len(plan.recipe.steps) - 1) > 0:
        yield Part("weights between steps", between * weights, smaller)
    if plan.fit is not None:
        yield Part("checkpoint, until the run is done", checkpoint_bytes(plan.model, plan.fit.recipe), smaller)
    yield Part("values of every user", value_bytes(evaluator), "evaluate.metrics")


def value_bytes(evaluator: Evaluator) -> int:
    """Of the values of every metric and cut for every user, before compression."""
    task = evaluator.task
    if isinstance(task, PointwiseTask):
        return 2 * A_VALUE * evaluator.split.n_users
    ranked = task.ranked if isinstance(task, TwoStage) else task
    by_user = sum(metric.kind == "users" for metric in ranked.metrics.values())
    return A_VALUE * len(ranked.users) * (1 + by_user * len(set(evaluator.config.k)))

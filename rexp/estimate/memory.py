"""Memory of a run at its peak: the sum of its parts, an upper bound, since they are not all full at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rexp.estimate.held import held_bytes
from rexp.estimate.records import Part
from rexp.evaluate.protocols.candidate_sources import BYTES_A_SCORE, FullCatalog
from rexp.evaluate.protocols.pointwise import PointwiseTask
from rexp.evaluate.protocols.two_stage import TwoStage
from rexp.evaluate.scoring import BYTES_A_PAIR
from rexp.measure.parameter_counts import sizes
from rexp.measure.sizes import byte_sizes
from rexp.train.batches import Batches

if TYPE_CHECKING:
    from torch import nn

    from rexp.config.plan import Plan
    from rexp.evaluate.evaluator import Evaluator
    from rexp.train.config import FitConfig
    from rexp.train.job import FitJob

MOMENTS = {"adam": 2, "adamw": 2, "adagrad": 1, "sgd": 0}
"""Numbers that an optimizer keeps of each parameter."""


def memory_parts(
    plan: Plan, evaluator: Evaluator, job: FitJob | None, *, program_bytes: int, teacher_bytes: int
) -> Iterator[Part]:
    """What a run holds at once, without what a probe alone can tell: activations, and the inside of a closed-form fit.

    Args:
        plan: the run's.
        evaluator: of its test.
        job: its first fit, as it is probed; None where nothing is trained.
        program_bytes: resident before any data is there.
        teacher_bytes: of its teachers' models.
    """
    split = plan.split
    yield Part("program and libraries", program_bytes, "")
    yield Part("data", held_bytes(split), "data.filter.item_core")
    yield Part("model", byte_sizes(plan.model)["resident_bytes"], smaller_model(plan))
    if teacher_bytes:
        yield Part("teacher", teacher_bytes, "model@teacher")
    if plan.fit is not None and job is not None:
        yield from _training(plan, plan.fit.recipe, job)
    yield Part("scores of the evaluation", score_bytes(evaluator), "evaluate.block_bytes")


def trained_bytes(model: nn.Module) -> int:
    """Bytes of the parameters that have a gradient."""
    return sum(
        parameter.numel() * parameter.element_size() for parameter in model.parameters() if parameter.requires_grad
    )


def optimizer_bytes(model: nn.Module, optimizer: str) -> int:
    """Bytes of what an optimizer keeps of a model's parameters."""
    return MOMENTS[optimizer] * trained_bytes(model)


def kept_weights(recipe: FitConfig) -> int:
    """Copies of the weights that may still be selected, at most."""
    return {"best": 1, "last": 0, "last_k": recipe.last_k + 1}[recipe.select_epoch]


def checkpoint_bytes(model: nn.Module, recipe: FitConfig) -> int:
    """Bytes of the state of a fit: weights, those that may still be selected, and the optimizer's."""
    weights = sizes(model)["tensor_bytes"]
    return (1 + kept_weights(recipe)) * weights + optimizer_bytes(model, recipe.optimizer)


def score_bytes(evaluator: Evaluator) -> int:
    """Bytes of one block of scores, at most."""
    task = evaluator.task
    if isinstance(task, PointwiseTask):
        return min(task.block, len(task.alike[0])) * BYTES_A_PAIR
    ranked = task.ranked if isinstance(task, TwoStage) else task
    rows = min(ranked.source.block, len(ranked.users))
    if isinstance(ranked.source, FullCatalog):
        return rows * evaluator.split.n_items * BYTES_A_SCORE
    return rows * ranked.source.width * BYTES_A_PAIR


def _training(plan: Plan, recipe: FitConfig, job: FitJob) -> Iterator[Part]:
    smaller, batches = smaller_model(plan), job.batches(0, 1)
    yield Part("gradients", trained_bytes(plan.model), smaller)
    yield Part("optimizer", optimizer_bytes(plan.model, recipe.optimizer), "train.optimizer=sgd")
    if copies := kept_weights(recipe):
        yield Part("weights to select from", copies * sizes(plan.model)["tensor_bytes"], "train.select_epoch=last")
    yield Part("checkpoint, as it is written", checkpoint_bytes(plan.model, recipe), smaller)
    beside = held_bytes(plan.split, batches, job.sampler) - held_bytes(plan.split)
    # An epoch's order is a number of 4 bytes for each of its slots.
    order = 4 * (batches.n_slots if isinstance(batches, Batches) else len(batches.users))
    yield Part("order of an epoch, known positives", beside + order, "data.filter.user_core")


def smaller_model(plan: Plan) -> str:
    """The option that makes a model smaller, by the names that models have for their sizes."""
    names = [name for name in ("factors", "dim", "hidden", "latent") if hasattr(plan.choice.config, name)]
    return f"model.{names[0]}" if names else "data.filter.item_core"

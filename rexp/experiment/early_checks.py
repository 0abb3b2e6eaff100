"""Early checks of a job: options first, then whatever needs the data, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.config.fit import merged
from rexp.config.job import MODEL_RESERVED, TEACHER_RESERVED, Request
from rexp.config.plan import resolve
from rexp.config.retriever import typed_retriever
from rexp.errors import ConfigError
from rexp.evaluate.adjustment import without_adjustment
from rexp.evaluate.evaluator import Evaluator
from rexp.experiment.warm_start import retrieval
from rexp.plugins.choice import Choice
from rexp.plugins.options import Node, from_options
from rexp.track.trackers import check
from rexp.train.config import FitConfig

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.config.recipe import ConfiguredStage
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.store.store import Store


def check_options(request: Request) -> None:
    """Build every typed configuration of a job and of its teachers: of model, recipe, stages, retriever, trackers.

    Raises:
        ConfigError: see :func:`rexp.plugins.options.from_options`.
    """
    for where, node, reserved in _models(request):
        Choice.of("model", node, where, reserved)
    merged(request)
    for key, node in request.teachers.items():
        if node.get("name"):
            merged(replace(request, model=node, train={}, loss=None, sampler=None), f"{key}.fit")
    recipe = request.recipe
    if recipe.trains:
        from_options(FitConfig, request.finetune, "compress.finetune")
    for stage in recipe.stages:
        _check_targets(stage)
    if request.retriever is not None:
        typed_retriever(request.retriever)
    check(request.track)


def check_with_data(
    request: Request, split: Split, store: Store, part: Part, *, parts: Mapping[str, RecommenderModule], sweeping: bool
) -> None:
    """Check everything about model and data that does not depend on the teacher.

    Args:
        request: the job.
        split: its data.
        store: holds what it starts from.
        part: what the model will be measured on.
        parts: the models that its own is made of, by their runs.
        sweeping: one of several jobs.

    Raises:
        RexpError: what the run itself would raise once its teacher is trained.
    """
    plan = resolve(request, split, store, parts=parts, sweeping=sweeping)
    rules = without_adjustment(request.evaluate) if part == "valid" else request.evaluate
    Evaluator(split, rules, part, retrieval=retrieval(plan, store))


def _check_targets(stage: ConfiguredStage) -> None:
    """Patterns of modules that fit none whatever the model; of others, its modules alone can tell."""
    options = stage.choice.config
    for key, nothing in (
        ("targets", getattr(options, "targets", None) == ()),
        ("ignore", "*" in getattr(options, "ignore", ())),
    ):
        if nothing:
            raise ConfigError(
                f"compress.stages.{stage.label}.{key}={list(getattr(options, key))} leaves nothing to work on; name "
                "patterns of modules, or take the stage out of compress.order"
            )


def _models(request: Request) -> Iterator[tuple[str, Node, tuple[str, ...]]]:
    yield "model", request.model, MODEL_RESERVED
    for key, node in request.teachers.items():
        if node.get("name") and not node.get("from"):
            yield key, node, TEACHER_RESERVED

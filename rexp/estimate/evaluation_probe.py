"""Seconds of an evaluation: a few of its users, or rows, with the real model."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from rexp.errors import RexpError
from rexp.evaluate.config import parts_before
from rexp.evaluate.evaluator import Evaluator
from rexp.evaluate.protocols.pointwise import PointwiseTask
from rexp.evaluate.protocols.ranking import RankingTask
from rexp.evaluate.scoring import Scorer

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.evaluate.config import EvaluateConfig

MOST_USERS, FEWEST_USERS = 512, 16
MOST_PAIRS = 5_000_000
"""Pairs of user and item that are scored at most: a second or so of a model that scores pairs one by one."""


def time_evaluation(model: Any, evaluator: Evaluator) -> float | None:
    """Seconds of a whole evaluation of a model on the evaluator's device; None in the protocol two_stage, whose index
    is made of trained vectors.

    Args:
        model: trained or not: what a score takes does not depend on it.
        evaluator: of the whole evaluation.
    """
    task = evaluator.task
    if isinstance(task, PointwiseTask):
        return _pointwise(model, evaluator, task)
    if not isinstance(task, RankingTask):
        return None
    split, config = evaluator.split, evaluator.config
    users = max(FEWEST_USERS, min(MOST_USERS, MOST_PAIRS // split.n_items))
    asked = min(users, config.users or users)
    few = Evaluator(split, replace(config, users=asked), evaluator.part, evaluator.device)
    assert isinstance(few.task, RankingTask)
    few(model)  # the caches, and what is made once
    return few(model).seconds * len(task.users) / len(few.task.users)


def time_on_part(model: Any, part: Split, config: EvaluateConfig, name: Part, n_items: int) -> float | None:
    """The same from a model that was fitted to a part of the catalogue, carried on to ``n_items``.

    None where the protocol cannot be prepared on the part: candidates of the data's own lie beyond it.
    """
    try:
        seconds = time_evaluation(model, Evaluator(part, config, name))
    except (RexpError, IndexError):
        return None
    return None if seconds is None else seconds * n_items / part.n_items


def _pointwise(model: Any, evaluator: Evaluator, task: PointwiseTask) -> float:
    rows = task.alike[0]
    first = rows[: task.block]
    users, items = task.users[first], task.items[first]
    features = {name: values[first] for name, values in task.features.items()}
    parts = parts_before(evaluator.config.history, evaluator.part)
    model.eval()
    with torch.no_grad():
        scorer = Scorer(model, evaluator.split, parts, evaluator.device, evaluator.config.block_bytes)
        scorer.pairs_of(users, items, features)
        started = time.perf_counter()
        scorer.pairs_of(users, items, features)
    return (time.perf_counter() - started) * len(rows) / len(first)

"""Sizes and multiply-adds of a model: what can be told without a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexp.evaluate.config import parts_before
from rexp.evaluate.scoring import Scorer
from rexp.measure.multiply_adds import multiply_adds
from rexp.measure.parameter_counts import sizes
from rexp.measure.sizes import byte_sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

    from rexp.data.split import Split
    from rexp.store.result import RunResult

BLOCK_BYTES = 64 * 2**20


def scorer_of(model: nn.Module, split: Split, history: Sequence[str], device: torch.device) -> Scorer:
    """A model in evaluation mode, with the queries that it gets in the test.

    Args:
        model: on ``device``.
        split: the data.
        history: parts that a model of sequences may see (``evaluate.history``).
        device: where the model is.
    """
    return Scorer(model.eval(), split, parts_before(list(history), "test"), device, BLOCK_BYTES)


def shown_history(result: RunResult) -> list[str]:
    """``evaluate.history`` of a stored run; a protocol that does not use it shows what is usual."""
    evaluate = result.config.get("evaluate") or {}
    return list(evaluate.get("history", ["train", "valid"]))


def model_costs(scorer: Scorer) -> dict[str, int]:
    """``parameters``, ``nonzero``, bytes and multiply-adds; see the functions that count them."""
    return {**sizes(scorer.model), **byte_sizes(scorer.model), **multiply_adds(scorer)}

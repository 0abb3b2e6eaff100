"""What each field adds to a score, by integrated gradients (Sundararajan, Taly, Yan, ICML 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rexp.api import FieldEmbeddings, Query

Array = np.ndarray[Any, Any]

PIECES, NODES, ROUNDS = 8, 8, 16
"""Pieces of the way at first, places within one where the gradient is taken, and how often a piece may be halved."""
GAP = 5e-6
"""Of a piece, between its integral and the difference of the scores at its ends."""


@dataclass(frozen=True)
class Side:
    """The vectors of one side's fields as a forward pass reads them.

    Args:
        names: of the fields (F,).
        vectors: (S, ..., F, D) as they are.
        scaled: the same times the step, where the gradient is taken.
    """

    names: list[str]
    vectors: Tensor
    scaled: Tensor


def has_fields(model: Any) -> bool:
    """Whether the model reads fields (``rexp.api.FieldEmbeddings``)."""
    return any(isinstance(part, FieldEmbeddings) for part in model.modules())


def integrated_gradients(model: Any, query: Query, item: int) -> tuple[dict[str, float], float]:
    """What each field adds, along the straight way from zeros in the place of all fields' vectors to what they are.

    The integral is taken by Gauss and Legendre's rule on pieces of the way. Gradients of layers with ReLU jump: a piece
    whose integral is not the difference of the scores at its ends is halved.

    Args:
        model: in evaluation mode, over fields.
        query: of one user.
        item: dense id.

    Returns:
        values by the field's name, and the score of zeros.
    """
    base, score = _scores(model, query, item, torch.tensor([0.0, 1.0], dtype=torch.float64))
    least = max(GAP, 4 * float(np.spacing(np.float32(max(abs(base), abs(score))))))
    found: dict[str, float] = {}
    edges = np.linspace(0, 1, PIECES + 1)
    left, right = edges[:-1], edges[1:]
    for rest in reversed(range(ROUNDS)):
        values, gaps = _integrals(model, query, item, left, right)
        split = (gaps > least) & (rest > 0)
        for name, parts in values.items():
            found[name] = found.get(name, 0.0) + float(parts[~split].sum())
        if not split.any():
            break
        left, right = left[split], right[split]
        middle = (left + right) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return found, base


def _scores(model: Any, query: Query, item: int, at: Tensor) -> list[float]:
    with torch.no_grad(), scaled_fields(model, at):
        found: list[float] = _forward(model, query, item, len(at)).tolist()
    return found


def _integrals(model: Any, query: Query, item: int, left: Array, right: Array) -> tuple[dict[str, Array], Array]:
    """(P,) integrals from ``left`` to ``right`` (P,) by the field's name, and by how much their sums fail to be the
    differences of the scores (P,)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    places = left[:, None] + (right - left)[:, None] * (nodes + 1) / 2
    at = torch.from_numpy(np.concatenate([places.ravel(), left, right]))
    with torch.enable_grad(), scaled_fields(model, at) as sides:
        score = _forward(model, query, item, len(at))
    gradients = torch.autograd.grad(score.sum(), [side.scaled for side in sides], materialize_grads=True)
    found: dict[str, Array] = {}
    for side, gradient in zip(sides, gradients, strict=True):
        products = (gradient.double() * side.vectors.double()).sum(-1)[: places.size]
        by_node = products.view(*places.shape, -1, len(side.names)).sum(2).numpy()
        by_piece = np.einsum("pnf,n->pf", by_node, weights / 2) * (right - left)[:, None]
        for name, parts in zip(side.names, by_piece.T, strict=True):
            found[name] = found.get(name, 0.0) + parts
    ends = score.detach().double().numpy()[places.size :].reshape(2, -1)
    return found, np.abs(sum(found.values()) - (ends[1] - ends[0]))


def _forward(model: Any, query: Query, item: int, steps: int) -> Tensor:
    """(S,) the score of the same user and item, once a step."""
    features = {name: values.expand(steps, *values.shape[1:]) for name, values in query.features.items()}
    history = None if query.history is None else query.history.expand(steps, -1)
    score: Tensor = model.score(Query(query.users.expand(steps), history, features), torch.full((steps,), item))
    return score


@contextmanager
def scaled_fields(model: Any, at: Tensor) -> Iterator[list[Side]]:
    """Let the fields' vectors of row s be ``at[s]`` times what they are, in the whole model.

    Args:
        model: whose parts :class:`rexp.api.FieldEmbeddings` are.
        at: (S,), one for each row of the queries that are asked.

    Yields:
        what is read, filled while the model is asked.
    """
    parts = [part for part in model.modules() if isinstance(part, FieldEmbeddings)]
    read: list[Side] = []

    def scaled(names: list[str], plain: Any) -> Any:
        def side(asked: Any) -> Tensor:
            vectors = plain(asked).detach()
            steps = at.to(vectors).view(-1, *[1] * (vectors.dim() - 1))
            found = Side(names, vectors, (steps * vectors).requires_grad_(torch.is_grad_enabled()))
            read.append(found)
            return found.scaled

        return side

    for part in parts:  # for this model alone: the class stays as it is
        part.user_side = scaled(part.user_names, part.user_side)  # type: ignore[method-assign]
        part.item_side = scaled(part.item_names, part.item_side)  # type: ignore[method-assign]
    try:
        yield read
    finally:
        for part in parts:
            del part.user_side, part.item_side

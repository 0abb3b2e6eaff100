"""What each item of a history adds to a score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.api import Capability, ConfigError, Query, SparseMatrix

if TYPE_CHECKING:
    from rexp.api import Split

TOLERANCE = 1e-4
"""Relative; of what adds up but for rounding in 32 bits."""


def items_of(split: Split, query: Query) -> Tensor:
    """(H,) the items that the user is known by, each once: of the history where the model reads one, else of the
    training part."""
    if query.history is not None:
        items: Tensor = torch.unique(query.history[query.history >= 0])
        return items
    taken = split.train.items[split.train.users == int(query.users[0])]
    return torch.from_numpy(np.unique(taken).astype(np.int64))


def additive(model: Any, query: Query, item: int, items: Tensor, score: float) -> Tensor | None:
    """(H,) exact contributions, where the score is a sum over the history; None where it is not.

    So it is of models with weights of items to items, (I, I): EASE, SLIM, neighbors of items; and of those whose vector
    of a user is a multiple of the sum of the items' vectors: content. That it adds up is checked.
    """
    for values in (_by_weights(model, item, items), _by_vectors(model, query, item, items)):
        if values is not None and abs(float(values.sum()) - score) <= TOLERANCE * max(1e-6, float(values.abs().sum())):
            return values
    return None


def _by_weights(model: Any, item: int, items: Tensor) -> Tensor | None:
    weights = getattr(model, "weights", None)
    if isinstance(weights, SparseMatrix) and weights.shape[0] == weights.shape[1]:
        column = weights.scipy()[items.numpy()][:, [item]].toarray()[:, 0]
        return torch.from_numpy(column.astype(np.float64))
    if isinstance(weights, Tensor) and weights.dim() == 2 and weights.shape[0] == weights.shape[1]:
        return weights[items, item].double()
    return None


def _by_vectors(model: Any, query: Query, item: int, items: Tensor) -> Tensor | None:
    if not {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT} <= model.capabilities():
        return None
    user, vectors = model.user_embeddings(query)[0].double(), model.item_embeddings().double()
    total = vectors[items].sum(0)
    scale = (user @ total) / (total @ total).clamp(min=1e-30)
    if (user - scale * total).norm() > TOLERANCE * user.norm():
        return None
    values: Tensor = scale * (vectors[items] @ vectors[item])
    return values


def leave_one_out(model: Any, split: Split, query: Query, item: int, items: Tensor, score: float) -> Tensor:
    """(H,) by how much the score falls without each item; what the model has learned stays as it is.

    A model of sequences is asked with the shorter history; another one is bound to training data without the rows.

    Raises:
        ConfigError: the score does not change, whatever is left out.
    """
    if query.history is not None:
        scores = [_score(model, _shorter(query, int(left)), item) for left in items]
    elif Capability.NEEDS_TRAIN_DATA in model.capabilities():
        try:
            scores = [_unbound(model, split, query, item, int(left)) for left in items]
        finally:
            model.bind(split)
    else:
        scores = [score] * len(items)
    values = [score - without for without in scores]
    if not any(values):
        raise ConfigError(
            f"{type(model).__name__} gives the same score whatever is left out of the history: what it learned of the "
            "user lies in its weights; explain a model such as ease, itemknn or sasrec"
        )
    return torch.tensor(values, dtype=torch.float64)


def _score(model: Any, query: Query, item: int) -> float:
    return float(model.score(query, torch.tensor([item])))


def _shorter(query: Query, left: int) -> Query:
    """The query without an item of its history, however often it is there."""
    assert query.history is not None
    return replace(query, history=query.history[query.history != left].unsqueeze(0))


def _unbound(model: Any, split: Split, query: Query, item: int, left: int) -> float:
    """The score after the user's rows with an item are left out of what the model is bound to."""
    rows = (split.train.users != int(query.users[0])) | (split.train.items != left)
    model.bind(replace(split, train=split.train.take(rows)))
    return _score(model, query, item)

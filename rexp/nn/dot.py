"""Dot products of users' vectors with those of one item, or of several, each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

FEW_ITEMS = 8
"""Up to so many items a user, adding one after the other is faster than a batched product with a row of weights."""
ROWS_AN_ITEM = 32
"""Up to so many rows of a table for each item of a list, lists are trained faster by scores of all rows."""


def dot(users: Tensor, items: Tensor, bias: bool = False) -> Tensor:
    """Dot products, and the items' biases where there are some.

    Args:
        users: (B, D).
        items: (B, D), or (B, K, D); with biases in one more column behind.
        bias: there is such a column, which is added.

    Returns:
        (B,), or (B, K).
    """
    rows = items.unsqueeze(1) if items.dim() == 2 else items
    if not torch.is_grad_enabled():
        scores = _scores(users, rows, bias)
    elif _in_autocast(users.device.type):
        # A matrix product would be made in half precision, a sum is not.
        columns = users.shape[-1]
        scores = (users.unsqueeze(1) * rows[..., :columns]).sum(-1)
        scores = scores + rows[..., columns] if bias else scores
    else:
        scores = _Dot.apply(users, rows, bias)  # type: ignore[no-untyped-call]
    return scores.squeeze(1) if items.dim() == 2 else scores


def trains_by_table(items: Tensor, n_rows: int) -> bool:
    """Whether lists of ``items`` (B, K) of a table are trained faster with :func:`dot_of_all` than with :func:`dot`.

    No vector is then copied for each place of a list, nor its gradient added up: with 64 columns that takes half of the
    time at 23 rows an item of the list, a fourth at 9 (``scripts/bench --only dots``).
    """
    n_items = items.shape[1] if items.dim() == 2 else 1
    long = n_items > FEW_ITEMS and n_rows <= ROWS_AN_ITEM * n_items
    return long and torch.is_grad_enabled() and not _in_autocast(items.device.type)


def dot_of_all(users: Tensor, rows: Tensor, items: Tensor, bias: bool = False) -> Tensor:
    """:func:`dot` with rows of a table, picked from the scores of all its rows.

    Args:
        users: (B, D).
        rows: (I, D); with biases in one more column behind.
        items: (B, K) places in the table.
        bias: there is such a column, which is added.

    Returns:
        (B, K).
    """
    if bias:
        users = torch.cat([users, users.new_ones(len(users), 1)], 1)
    return (users @ rows.T).gather(1, items)


def _in_autocast(device: str) -> bool:
    """Devices such as ``meta``, which know no autocast, refuse to be asked."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def _scores(users: Tensor, rows: Tensor, bias: bool) -> Tensor:
    columns = users.shape[-1]
    if not bias:
        return (rows @ users.unsqueeze(-1)).squeeze(-1)
    return (rows[..., :columns] @ users.unsqueeze(-1)).squeeze(-1) + rows[..., columns]


class _Dot(torch.autograd.Function):
    """Scores (B, K) of users (B, D) and rows (B, K, D), or (B, K, D + 1) with biases.

    The gradients that torch composes take 1.3 to 1.9 times as long (``scripts/bench --only dots``): they are written
    whole, summed, and joined with the column of biases in passes of their own.
    """

    @staticmethod
    def forward(ctx: Any, users: Tensor, rows: Tensor, bias: bool) -> Tensor:
        ctx.save_for_backward(users, rows)
        ctx.bias = bias
        return _scores(users, rows, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        users, rows = ctx.saved_tensors
        columns, of_users, of_rows = users.shape[-1], None, None
        vectors = rows[..., :columns]
        if ctx.needs_input_grad[0]:
            of_users = _weighted(vectors, gradient)
        if ctx.needs_input_grad[1]:
            of_rows = torch.empty_like(rows)
            torch.mul(gradient.unsqueeze(-1), users.unsqueeze(1), out=of_rows[..., :columns])
            if ctx.bias:
                of_rows[..., columns] = gradient
        return of_users, of_rows, None


def _weighted(vectors: Tensor, weights: Tensor) -> Tensor:
    """(B, D): the sum of vectors (B, K, D) by weights (B, K)."""
    n_items = weights.shape[1]
    if n_items > FEW_ITEMS or n_items == 0:
        return (weights.unsqueeze(1) @ vectors).squeeze(1)
    total = vectors[:, 0] * weights[:, :1]
    for item in range(1, n_items):
        total.addcmul_(vectors[:, item], weights[:, item : item + 1])
    return total


def weighted_sum(values: Tensor, weights: Tensor) -> Tensor:
    """Dot products with the same vector.

    Args:
        values: (..., D).
        weights: (D,).

    Returns:
        (...,).
    """
    if torch.compiler.is_exporting():  # ONNX Runtime takes a vector on the right for a product of each row alone
        return (values @ weights.unsqueeze(1)).squeeze(-1)
    return values @ weights

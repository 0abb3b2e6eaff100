"""Weights that a model of sequences gives the items of a history by attention."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from rexp.api import Capability, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from rexp.api import Query


def attention_weights(model: Any, query: Query, item: int) -> tuple[Tensor, Tensor]:
    """What the state after the history attends to, as the mean of all heads of all blocks.

    Weights say where a model looks, not what that does to a score (Jain and Wallace, NAACL 2019): another share may
    give the same score.

    Args:
        model: of sequences, whose attention is ``torch.nn.functional.scaled_dot_product_attention`` over the history.
        query: of one user.
        item: dense id.

    Returns:
        items (H,) of the history, each once, and weights (H,), which sum to 1; those of an item that is there twice
        are added.

    Raises:
        ConfigError: it is no such model.
    """
    seen = _Seen()
    if query.history is not None and Capability.SEQUENTIAL in model.capabilities():
        with torch.no_grad(), seen:
            model.score(query, torch.tensor([item]))
    if not seen.weights:
        raise ConfigError(f"{type(model).__name__} has no attention over the history; take by=history")
    assert query.history is not None
    history = query.history[query.history >= 0]
    read = history[-seen.weights[0].shape[-1] :]
    last = len(read) - 1
    mean = torch.stack([weights[0, :, last, : len(read)].double().mean(0) for weights in seen.weights]).mean(0)
    items, places = torch.unique(read, return_inverse=True)
    return items, torch.zeros(len(items), dtype=torch.float64).index_add(0, places, mean)


class _Seen(TorchFunctionMode):
    """Keeps the weights (B, heads, L, L) of every call of attention inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.scaled_dot_product_attention:
            self.weights.append(_weights(*args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


def _weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **_: Any,
) -> Tensor:
    """What torch's own attention of these arguments weighs values by."""
    logits = query @ key.mT * (scale or 1 / math.sqrt(query.shape[-1]))
    allowed = torch.ones(logits.shape[-2:], dtype=torch.bool)
    if is_causal:
        allowed = allowed.tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        allowed = allowed & attn_mask
    elif attn_mask is not None:
        logits = logits + attn_mask
    return logits.masked_fill(~allowed, -math.inf).softmax(-1)

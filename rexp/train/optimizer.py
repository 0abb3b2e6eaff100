"""The optimizer of a fit: fused kernels, which are 1.2 times as fast as the loop over parameters on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from rexp.nn.embedding import EmbeddingTable

if TYPE_CHECKING:
    from torch import nn

    from rexp.train.config import FitConfig


SPARSE_ABOVE = 64
"""A table of so many times the rows that a step reads gets sparse gradients: a dense one is a pass over all rows."""


def use_sparse_gradients(model: nn.Module, recipe: FitConfig, rows_a_step: int) -> None:
    """Give large tables sparse gradients, where the optimizer leaves a row without a gradient as it is.

    SGD and Adagrad do; the result is the dense one's but for rounding. Adam moves every row at every step.

    Args:
        model: its embedding tables are set.
        recipe: weight decay and clipping need all rows.
        rows_a_step: rows of a table that a step reads at most.
    """
    fits = recipe.optimizer in ("sgd", "adagrad") and not recipe.weight_decay and recipe.clip_norm is None
    tables = [part for part in model.modules() if isinstance(part, EmbeddingTable)]
    for table in tables:
        table.sparse = fits and len(table.weight) >= SPARSE_ABOVE * rows_a_step
    if any(table.sparse for table in tables):
        # torch warns until the checks of sparse tensors are switched on or off; they would cost more than the step.
        torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]


def make_optimizer(model: nn.Module, recipe: FitConfig, attached: Sequence[nn.Parameter] = ()) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters that are trained, those of attached stages as a group of their own."""
    kinds: dict[str, type[torch.optim.Optimizer]] = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "sgd": torch.optim.SGD,
        "adagrad": torch.optim.Adagrad,
    }
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # Fused Adagrad exists for the CPU only.
    on_cpu = all(parameter.device.type == "cpu" for parameter in trained)
    fused = recipe.optimizer != "adagrad" or on_cpu
    options: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    if recipe.optimizer in ("adam", "adamw"):
        options["betas"] = recipe.betas
    tables = [part for part in model.modules() if isinstance(part, EmbeddingTable) and part.sparse]
    sparse = {id(table.weight) for table in tables}
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in trained if id(parameter) not in sparse], "fused": fused or None},
        # No fused kernel takes sparse gradients.
        {"params": [table.weight for table in tables], "fused": None},
        {"params": list(attached), "fused": fused or None},
    ]
    return kinds[recipe.optimizer]([group for group in groups if group["params"]], **options)

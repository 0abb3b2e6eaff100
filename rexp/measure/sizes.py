"""Bytes of a model: in memory, and as they would be if no zero were stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

ZEROS_ARE_STORED = 1.2
"""From this many times its nominal bytes on, a model is said to store zeros."""


def byte_sizes(model: nn.Module) -> dict[str, int]:
    """Bytes of a model's tensors.

    Returns:
        ``resident_bytes``: of all parameters and buffers, those that are no weights (a graph, profiles) too, each
        storage once; ``nominal_bytes``: of the weights alone, zeros of floating-point tensors counted out. The latter
        is what papers of pruning count, and no size that anything has.
    """
    tensors = [*model.parameters(), *model.buffers()]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    weights = {tensor.data_ptr(): tensor for tensor in model.state_dict().values() if tensor.numel()}
    return {
        "resident_bytes": sum(storages.values()),
        "nominal_bytes": sum(
            tensor.element_size() * (int(tensor.count_nonzero()) if tensor.is_floating_point() else tensor.numel())
            for tensor in weights.values()
        ),
    }


def stored_zeros(sizes: Mapping[str, int]) -> str | None:
    """A line of warning where much of what is stored is zeros; else None.

    Args:
        sizes: ``tensor_bytes`` and ``nominal_bytes`` among them.
    """
    real, nominal = sizes["tensor_bytes"], sizes["nominal_bytes"]
    if real <= ZEROS_ARE_STORED * nominal:
        return None
    return f"zeros are stored: {nominal:,} bytes without them, {real:,} in truth; a stage such as pack makes it smaller"

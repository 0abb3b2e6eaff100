"""Parameter counts: stored and nominal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexp.api.model import N_CODES

if TYPE_CHECKING:
    from torch import nn


def sizes(model: nn.Module) -> dict[str, int]:
    """Sizes of what belongs to a model's weights; what it re-reads from the training part is none of it.

    Returns:
        ``parameters``: numbers in floating-point tensors, and those that are stored as codes; ``nonzero``: those that
        are not 0, codes all counted; ``tensor_bytes``: bytes of all tensors (codes, scales and indices among them),
        each storage once.
    """
    tensors = {tensor.data_ptr(): tensor for tensor in model.state_dict().values() if tensor.numel()}
    floating = [tensor for tensor in tensors.values() if tensor.is_floating_point()]
    codes = sum(N_CODES.of(part)() for part in model.modules())
    return {
        "parameters": sum(tensor.numel() for tensor in floating) + codes,
        "nonzero": sum(int(tensor.count_nonzero()) for tensor in floating) + codes,
        "tensor_bytes": sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()),
    }

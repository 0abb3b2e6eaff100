"""Stamps of weights: whether what was computed from them may be used again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Stamp:
    """The state of some tensors, by address and version.

    A version counts what is done in place, an address tells what was moved or replaced. The stamp holds on to the
    memory, so that no other tensor can come to lie at the same address. A fused optimizer changes neither: whoever
    trains forgets by himself.

    Args:
        tensors: weights and other inputs of what is kept.

    >>> import torch
    >>> weight = torch.zeros(2)
    >>> stamp = Stamp([weight])
    >>> stamp.fits([weight]), stamp.fits([weight.clone()]), weight.add_(1).tolist(), stamp.fits([weight])
    (True, False, [1.0, 1.0], False)
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._seen = [(tensor.detach(), tensor._version) for tensor in tensors]

    def fits(self, tensors: Iterable[Tensor]) -> bool:
        """Whether these are the same tensors, and unchanged since."""
        now = list(tensors)
        return len(now) == len(self._seen) and all(
            tensor.data_ptr() == seen.data_ptr() and tensor.shape == seen.shape and tensor._version == version
            for tensor, (seen, version) in zip(now, self._seen, strict=True)
        )

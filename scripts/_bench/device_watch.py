"""What a step does beside its device: tensors of another one, and values that are read and so waited for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = ("_local_scalar_dense", "nonzero", "masked_select", "unique")
"""Operations whose result the processor has to know before it goes on."""
SYNCHRONIZES = "synchronizing CUDA operation"


class Watch(TorchDispatchMode):
    """Counts reads, and names the operations on tensors of another device; numbers are let through.

    Args:
        device: where all tensors should be.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.reads = 0
        self.elsewhere: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, made)) if isinstance(leaf, Tensor)]
        self.reads += any(name in str(func) for name in READS)
        if any(tensor.dim() and tensor.device.type != self.device.type for tensor in tensors):
            self.elsewhere.append(str(func))
        return made


@dataclass
class Synchronizations:
    """How often the processor waited for the GPU, as CUDA says."""

    count: int = 0


@contextmanager
def synchronizations(device: torch.device) -> Iterator[Synchronizations]:
    """Count what ``torch.cuda.set_sync_debug_mode`` warns of; on the CPU there is nothing to wait for."""
    found = Synchronizations()
    if device.type != "cuda":
        yield found
        return
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode("default")
    found.count = sum(SYNCHRONIZES in str(warning.message) for warning in told)

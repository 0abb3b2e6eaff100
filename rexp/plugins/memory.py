"""Memory limits: impossible sizes are refused up front, failed allocations become one-line errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, RunError

if TYPE_CHECKING:
    from torch import nn

SIGNS = (
    "can't allocate memory", "out of memory", "not enough memory", "bad_alloc", "invalid buffer size",
    "size calculation overflowed",
)  # fmt: skip
"""What torch says of an allocation that failed, in words alone."""


def short_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not given."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)
    )


@contextmanager
def memory_told() -> Iterator[None]:
    """Turn a failed allocation into one line.

    Raises:
        RunError: there was not enough memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not short_of_memory(error):
            raise
        reason = str(error).splitlines()[0] if str(error) else "an allocation failed"
        raise RunError(
            f"there is not enough memory ({reason}); make what the run holds at once smaller: model.*, "
            "train.batch_size, sampler.n, evaluate.block_bytes"
        ) from error


def machine_bytes() -> int:
    """Memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_size(make: Callable[[], nn.Module], where: str) -> None:
    """Refuse a model whose weights alone are more than this machine's memory.

    Args:
        make: makes the model; it is called without memory for the values of tensors.
        where: the key of its options, for the message.

    Raises:
        ConfigError: naming both sizes.
    """
    import torch

    state = torch.get_rng_state()
    try:
        with torch.device("meta"):
            model = make()
    except Exception:  # it makes numbers at once, or is faulty: what follows tells that
        return
    finally:
        torch.set_rng_state(state)
    bytes_ = sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
    memory = machine_bytes()
    if bytes_ > memory:
        raise ConfigError(
            f"{where}: the weights would take {bytes_ / 1e9:,.0f} GB, this machine has {memory / 1e9:,.0f} GB; "
            "make its sizes smaller"
        )

"""An index on a graphics card, where FAISS has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.retrieve.options import Device

MOST_ON_GPU = 2048
"""Results that FAISS returns for a query on a card at most."""


def on_gpu(index: Any, device: Device, notes: list[str]) -> Any:
    """The index to search: a copy on the first GPU, or the index itself.

    Args:
        index: on the CPU.
        device: "auto" takes a card where faiss-gpu and the kind of index allow it, "gpu" insists.
        notes: takes a line where "auto" stays on the CPU although there is a card.

    Raises:
        ConfigError: "gpu", and there is no card or no such index on one.
    """
    import faiss

    cards = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
    if device == "cpu" or (device == "auto" and not cards):
        return index
    if not cards:
        raise ConfigError("retriever.device=gpu: this FAISS sees no graphics card; install faiss-gpu, or take auto")
    try:
        return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    except RuntimeError as error:
        if device == "gpu":
            raise ConfigError(
                f"retriever.device=gpu: FAISS has no {type(index).__name__} on a card; take auto"
            ) from error
        notes.append(f"FAISS has no {type(index).__name__} on a card: it is searched on the CPU")
        return index

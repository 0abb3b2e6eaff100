"""Multiply-adds of a request, counted while it is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rexp.api import Capability

if TYPE_CHECKING:
    from rexp.evaluate.scoring import Scorer


def multiply_adds(scorer: Scorer) -> dict[str, int]:
    """Multiply-adds to score one item for one user, and all items for him.

    Those of products of matrices and vectors in torch are counted: linear layers, dot products, attention, recurrent
    cells, convolutions. Not counted is what is done element by element (activations, sums, the scale of a quantized
    row). What is computed once and kept, such as LightGCN's smoothed vectors and, of a catalogue, the items' side of a
    dot product, is no part of a request. A history has the length that the median user's has.

    Args:
        scorer: of the model, in evaluation mode.

    Returns:
        ``multiply_adds_pair`` and ``multiply_adds_catalogue``; nothing for a model whose products are made by scipy,
        which cannot be counted.
    """
    if {Capability.CLOSED_FORM, Capability.NEEDS_TRAIN_DATA} <= scorer.capabilities:
        return {}
    user = median_user(scorer).to(scorer.device)
    item = torch.zeros(1, 1, dtype=torch.int64, device=scorer.device)
    return {
        "multiply_adds_pair": _count(lambda: scorer.pairs_of(user, item)),
        "multiply_adds_catalogue": _count(lambda: scorer.catalogue(user)),
    }


def median_user(scorer: Scorer) -> Tensor:
    """(1,) the user with the median number of training interactions."""
    offsets, _ = scorer.split.user_items(["train"])
    counts = torch.from_numpy(offsets[1:] - offsets[:-1])
    return counts.argsort(stable=True)[len(counts) // 2].view(1)


def _count(work: Callable[[], object]) -> int:
    with torch.no_grad(), _operations_apart():
        work()  # what is kept from here on is not counted
        counter = _Counter()
        with counter:
            work()
    return counter.total


@contextmanager
def _operations_apart() -> Iterator[None]:
    """Without kernels of whole layers, such as oneDNN's LSTM, whose products are not seen."""
    fast = torch.backends.mha.get_fastpath_enabled()
    dnn = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(dnn)
        torch.backends.mha.set_fastpath_enabled(fast)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation that runs within it; torch's own counter of flops takes two seconds to start."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; torch would import its compiler to leave this out of it, for a second or more."""
        return False

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = operation(*args, **(kwargs or {}))
        if (count := COUNTED.get(str(operation.overloadpacket))) is not None:
            self.total += count(args, out)
        return out


def _product(matrix: Tensor, other: Tensor) -> int:
    """Every entry of the first meets every column of the other."""
    entries: int = matrix.numel() if matrix.layout == torch.strided else matrix._nnz()
    return entries * (other.shape[-1] if other.dim() > 1 else 1)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> int:
    """Every query with every key, and the weights with the values; a mask saves nothing."""
    weights = query.shape[:-1].numel() * key.shape[-2]
    return weights * (query.shape[-1] + value.shape[-1])


def _convolution(weight: Tensor, out: Tensor) -> int:
    """Every output meets the weights of its channel."""
    return out.numel() * weight[0].numel()


COUNTED: dict[str, Callable[[tuple[Any, ...], Any], int]] = {
    **{f"aten.{name}": lambda args, _: _product(args[0], args[1]) for name in ("mm", "bmm", "mv", "dot", "_int_mm")},
    **{f"aten.{name}": lambda args, _: _product(args[1], args[2]) for name in ("addmm", "baddbmm", "addmv")},
    "aten.convolution": lambda args, out: _convolution(args[1], out),
    "aten._scaled_dot_product_flash_attention_for_cpu": lambda args, _: _attention(*args[:3]),
    "aten._scaled_dot_product_flash_attention": lambda args, _: _attention(*args[:3]),
    "aten._scaled_dot_product_efficient_attention": lambda args, _: _attention(*args[:3]),
}

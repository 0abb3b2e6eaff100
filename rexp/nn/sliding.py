"""Lists that slide along one line of items: row ``r`` begins at place ``r``, as lists of in-batch negatives do."""

from __future__ import annotations

import torch
from torch import Tensor


def sliding(line: Tensor, width: int) -> Tensor:
    """(N, width) view of a line (N + width - 1,); nothing is copied.

    >>> import torch
    >>> sliding(torch.tensor([5, 3, 8, 5, 3]), 3).tolist()
    [[5, 3, 8], [3, 8, 5], [8, 5, 3]]
    """
    return line.unfold(0, width, 1)


def line_of(lists: Tensor) -> Tensor | None:
    """The line (N + K - 1,) along which lists (N, K) slide, or None where they are no such view.

    >>> import torch
    >>> lists = sliding(torch.tensor([5, 3, 8, 5, 3]), 3)
    >>> line_of(lists).tolist(), line_of(lists[:, 1:]).tolist(), line_of(lists.contiguous())
    ([5, 3, 8, 5, 3], [3, 8, 5, 3], None)
    """
    if lists.dim() != 2 or lists.stride() != (1, 1) or not lists.numel():
        return None
    return lists.as_strided((sum(lists.shape) - 1,), (1,))


def with_first(first: Tensor, lists: Tensor) -> Tensor:
    """(N, 1 + K): each of ``first`` (N,), and its list (N, K) behind it; a view where they lie so in memory.

    >>> import torch
    >>> line = torch.tensor([5, 3, 8, 5, 3])
    >>> joined = with_first(line[:3], sliding(line, 3)[:, 1:])
    >>> joined.tolist(), joined.data_ptr() == line.data_ptr()
    ([[5, 3, 8], [3, 8, 5], [8, 5, 3]], True)
    """
    if line_of(lists) is not None and lists.storage_offset() > 0:
        joined = lists.as_strided((len(lists), lists.shape[1] + 1), (1, 1), lists.storage_offset() - 1)
        if torch.equal(joined[:, 0], first):
            return joined
    return torch.cat([first.unsqueeze(1), lists], 1)

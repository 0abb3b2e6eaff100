"""Which of equal scores comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rexp.evaluate.hashing import random_bits

if TYPE_CHECKING:
    from rexp.evaluate.user_items import UserItems

DRAWS = 8
"""Random orders that the rule "expected" averages over."""


def preference(rule: str, draw: int, users: Tensor, items: Tensor, targets: UserItems) -> Tensor:
    """What :func:`rexp.evaluate.rank.top_columns` decides ties by, the preferred highest.

    Args:
        rule: "item_id", the lower item first; "pessimistic", what is not relevant first, then the lower item;
            "expected", a random order.
        draw: number of the random order.
        users: (B,) int64.
        items: (B or 1, C) int64, ascending within a row.
        targets: what is relevant.

    Returns:
        (B or 1, C) int64 >= 0, distinct within a row.
    """
    width = items.shape[1]
    earlier = torch.arange(width - 1, -1, -1, device=items.device).unsqueeze(0)
    if rule == "item_id":
        return earlier
    if rule == "pessimistic":
        return earlier + width * (~targets.contains(users, items)).long()
    # Positions, not items: a negative drawn twice is two places in the order.
    return random_bits(draw, users, earlier)

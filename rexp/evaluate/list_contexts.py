"""The lists of a part that are ranked in contexts, and what follows from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.data.interactions import context_groups
from rexp.evaluate.user_items import UserItems

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


@dataclass(frozen=True)
class TargetLists:
    """The lists of one part: one a user, or one for each context or item that a user's rows of the part have.

    Args:
        targets: the items that each list should hold, by the number of the list.
        owner: (L,) int64, the user of every list; ascending.
        features: their contexts, (L,) or (L, K) each; None where none is given, so that the user's latest is taken.
    """

    targets: UserItems
    owner: Tensor
    features: Mapping[str, Tensor] | None = None

    def features_of(self, lists: Tensor) -> Mapping[str, Tensor] | None:
        """The contexts of some lists (B,)."""
        return None if self.features is None else {name: values[lists] for name, values in self.features.items()}


def lists_of_rows(
    rows: Interactions, n_items: int, device: torch.device, context: Mapping[str, Array], *, by_item: bool
) -> TargetLists:
    """A list for each user and context of some rows, and for each item where these are apart.

    Args:
        rows: of the part, sorted by user.
        n_items: size of the vocabulary.
        device: where lists are wanted.
        context: the rows' contexts, in which they are ranked; may be empty.
        by_item: a list has one target.
    """
    users = rows.users.astype(np.int64)
    number = context_groups(users * n_items + rows.items if by_item else users, context)
    first = np.unique(number, return_index=True)[1]
    distinct = np.unique(number.astype(np.int64) * n_items + rows.items)
    offsets = np.searchsorted(distinct, np.arange(len(first) + 1, dtype=np.int64) * n_items)
    targets = UserItems.of(offsets, (distinct % n_items).astype(np.int32), n_items, device)
    features = features_on({name: values[first] for name, values in context.items()}, device) if context else None
    return TargetLists(targets, torch.as_tensor(rows.users[first].astype(np.int64), device=device), features)


def mean_by_owner(values: Tensor, owner: Tensor) -> Tensor:
    """(U,) float64: the mean of each user's lists, of values (L,); without those that have none (NaN)."""
    users, place = torch.unique(owner, return_inverse=True)
    known = values.isnan().logical_not()
    sums = torch.zeros(len(users), dtype=torch.float64).index_add_(0, place, values.nan_to_num(0.0))
    return sums / torch.bincount(place[known], minlength=len(users))


def features_on(features: Mapping[str, Any], device: torch.device) -> dict[str, Tensor]:
    """Contexts as tensors on a device."""
    return {name: torch.as_tensor(np.array(values), device=device) for name, values in features.items()}

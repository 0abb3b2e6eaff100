"""The items that are ranked where the whole catalogue is not: given ones, or drawn ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.errors import DataError
from rexp.evaluate.counter_rng import random_uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from rexp.evaluate.config import CandidatesConfig
    from rexp.evaluate.user_items import UserItems


class ProvidedNegatives:
    """The data's own candidates.

    Args:
        candidates: item ids, padded with -1: (n_users, C), or (L, C) of lists.
        name: what a user, or the user of a list, is called in a message.
        by_list: they are of lists.

    Raises:
        DataError: on a block, where a user has no candidates: alone, its targets would stand on top unopposed.
    """

    repeats = True

    def __init__(self, candidates: np.ndarray[Any, Any], name: Callable[[int], str], *, by_list: bool = False) -> None:
        self.candidates, self.name, self.by_list = candidates, name, by_list

    @property
    def width(self) -> int:
        return int(self.candidates.shape[1])

    def of(self, users: Tensor) -> Tensor:
        """(B, C) int64 candidates of ``users`` (B,), or of lists, padded with -1."""
        block = torch.from_numpy(self.candidates[users.cpu().numpy()].astype("int64")).to(users.device)
        lone = (block < 0).all(1)
        if bool(lone.any()):
            raise DataError(
                f"{self.name(int(users[lone][0]))} has targets but no candidates; give every such user some, "
                "or rank the whole catalogue with evaluate=full"
            )
        return block


class SampledNegatives:
    """Negatives drawn for each user from the catalogue without what is excluded.

    What is drawn for a user depends on seed, user and item alone. Without replacement the n items with the largest
    ``ln(u) / weight`` are taken (Efraimidis and Spirakis, 2006); with it the weights' inverse distribution function is.

    Args:
        config: the draw.
        weights: (n_items,) float64 >= 0, 0 for what is not in the catalogue.
        excluded: sets of items that are never drawn for their user, targets among them.
    """

    repeats = by_list = False

    def __init__(self, config: CandidatesConfig, weights: Tensor, excluded: list[UserItems]) -> None:
        self.config, self.weights, self.excluded = config, weights, excluded

    @property
    def width(self) -> int:
        return self.config.n

    def of(self, users: Tensor) -> Tensor:
        """(B, n) int64 negatives of ``users`` (B,), padded with -1 where fewer can be drawn."""
        weights = self.weights.expand(len(users), -1).clone()
        for items in self.excluded:
            weights.view(-1)[items.flat(users)] = 0
        return self._with_replacement(users, weights) if self.config.replace else self._without(users, weights)

    def counts(self, users: Tensor) -> Tensor:
        """(B,) int64: negatives of each of ``users`` (B,): n, or what the exclusions leave of the catalogue."""
        n_items, drawable = len(self.weights), self.weights > 0
        barred = torch.unique(torch.cat([items.flat(users) for items in self.excluded]))
        barred = barred[drawable[barred % n_items]]
        left = drawable.sum() - torch.bincount(barred // n_items, minlength=len(users))
        return (left > 0) * self.width if self.config.replace else left.clamp(max=self.width)

    def _without(self, users: Tensor, weights: Tensor) -> Tensor:
        items = torch.arange(weights.shape[1], device=users.device)
        keys = random_uniform(self.config.seed, users, items.unsqueeze(0)).log_() / weights  # -inf at weight 0
        best = keys.topk(min(self.width, len(items)), dim=1)
        drawn = torch.where(best.values > float("-inf"), best.indices, -1)
        return torch.nn.functional.pad(drawn, (0, self.width - drawn.shape[1]), value=-1)

    def _with_replacement(self, users: Tensor, weights: Tensor) -> Tensor:
        cumulative = weights.cumsum(1)
        total = cumulative[:, -1:].contiguous()
        draws = torch.arange(self.width, device=users.device).unsqueeze(0)
        place = random_uniform(self.config.seed, users, draws) * total
        drawn = torch.searchsorted(cumulative, place, right=True)
        # Rounding may carry a place to the very end, past the last item that can be drawn.
        last = torch.searchsorted(cumulative, total)
        return torch.where(total > 0, torch.minimum(drawn, last), -1)


def with_targets(candidates: Tensor, targets: UserItems, users: Tensor, *, distinct: bool) -> Tensor:
    """Candidates and targets of every user in one row, ascending by item, padded in front with -1.

    Args:
        candidates: (B, C) int64, padded with -1.
        targets: the targets.
        users: (B,) int64.
        distinct: keep every item once: a target that stands among its own negatives must not count twice.

    Returns:
        (B, C + T) int64, T the most targets of one user in the block.
    """
    rows, items = targets.block(users)
    counts = torch.bincount(rows, minlength=len(users))
    own = torch.full((len(users), int(counts.max())), -1, device=users.device)
    place = torch.arange(len(rows), device=users.device) - (counts.cumsum(0) - counts)[rows]
    own[rows, place] = items
    union = torch.cat([candidates, own], dim=1).sort(dim=1).values
    if distinct:
        union[:, 1:][union[:, 1:] == union[:, :-1]] = -1
        union = union.sort(dim=1).values
    return union

"""The other positives of the batch as negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor

from rexp.api import Negatives
from rexp.nn.sliding import line_of, sliding
from rexp.samplers._known_positives import KnownPositives

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class InBatchConfig:
    """Options of :class:`InBatch`.

    Args:
        n: negatives of each positive, drawn with replacement from the batch's others; null takes all others.
        reject: mark those that are known positives of the user, so that they do not count.
        correct: tell the loss each item's log-probability of being a positive: its share of the training interactions,
            of uniform users its mean share of theirs (logQ correction).
        positives: every ``interactions`` once an epoch, or ``users`` uniformly and one item of each.
    """

    n: int | None = None
    reject: bool = True
    correct: bool = True
    positives: Literal["interactions", "users"] = "interactions"

    def __post_init__(self) -> None:
        if self.n is not None and self.n < 1:
            raise ValueError(f"n={self.n} must be 1 or more, or null for all")


class InBatch:
    """Positives of the other rows (Yi et al., RecSys 2019); ``n`` is 1 where all of them are taken, until it is set."""

    Config: ClassVar[type] = InBatchConfig
    scope: Literal["batch", "chunk"] = "batch"

    def __init__(self, config: InBatchConfig, split: Split) -> None:
        self._n = config.n
        self.positives, self.correct = config.positives, config.correct
        self.known = KnownPositives(split) if config.reject else None
        self.log_shares = item_shares(split, config.positives).log().float()

    @property
    def n(self) -> int:
        return self._n or 1

    @n.setter
    def n(self, n: int) -> None:
        self._n = n

    @property
    def everyone(self) -> bool:
        """All others are taken."""
        return self._n is None

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """(B, n) items, or (B, B - 1); +inf in ``log_q`` marks what must not count.

        A batch of one has no others: its own positive is returned and, with ``reject``, marked.
        """
        size = len(positives)
        if self.everyone and size > 1:
            # Row r holds what follows r, around the end of the batch.
            items = sliding(torch.cat([positives, positives[:-1]]), size)[:, 1:]
        else:
            steps = torch.randint(1, max(2, size), (size, self.n), generator=generator, device=generator.device)
            rows = torch.arange(size, device=steps.device).unsqueeze(1)
            items = positives[(rows + steps) % size]
        return Negatives(items, self._log_q(users, items))

    def log_q(self, items: Tensor) -> Tensor:
        """The float32 log-probability of meeting each of ``items`` in a batch; zeros where nothing is corrected."""
        return (
            self.log_shares.to(items.device)[items] if self.correct else torch.zeros(items.shape, device=items.device)
        )

    def _log_q(self, users: Tensor, items: Tensor) -> Tensor | None:
        if self.known is None and not self.correct:
            return None
        line = line_of(items)
        log_q = self.log_q(items) if line is None else sliding(self.log_q(line), items.shape[1])
        if self.known is None:
            return log_q
        return torch.where(self.known.contains(users.unsqueeze(1), items), torch.inf, log_q)


def item_shares(split: Split, positives: Literal["interactions", "users"]) -> Tensor:
    """(n_items,) float64: the probability that a positive of a batch is this item.

    Args:
        split: whose training part the positives come from.
        positives: as :class:`InBatchConfig` has it; of uniform users the rows of one with n rows weigh 1 / n.
    """
    items, users = (torch.from_numpy(ids.copy()).long() for ids in (split.train.items, split.train.users))
    weights = torch.ones(len(items), dtype=torch.float64)
    if positives == "users":
        weights = 1 / torch.bincount(users, minlength=split.n_users)[users].double()
    return torch.bincount(items, weights, minlength=split.n_items) / weights.sum().clamp(min=1)

"""Subsampling of the users that are distilled in each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from rexp.plugins.options import require

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api import TrainStep
    from rexp.nn.reduction import Reduction

UsersPerStep = Literal["auto", "all"] | int
SHARE = 8
"""``auto``: one user for so many samples of the batch."""
SHORT = 50
"""``auto``: items of a list up to which that holds; of longer lists so many fewer are taken."""
FEWEST = 16
"""``auto``: users of a step at least."""


@dataclass(frozen=True)
class Sample:
    """Users, or items, drawn from those of a batch.

    Args:
        ids: (A,) int64, ascending.
        share: how many of the batch each of them stands for, 1 or more.
    """

    ids: Tensor
    share: float = 1.0

    def factor(self, reduction: Reduction) -> float:
        """Scale factor that makes the sampled loss an unbiased estimate of the full one."""
        return self.share if reduction == "sum" else 1.0


class StepUsers:
    """Draws the users of every step.

    A list of K items costs K times what a sample of the batch does, so that the lists of all users of a batch take
    most of the time of a fit. A few drawn users, whose loss is multiplied by how many they stand for, give the same
    gradient in expectation.

    Args:
        per_step: ``all`` distinct users of the batch; a number of them; or ``auto``: an eighth as many as the batch
            has samples, fewer where lists are longer than 50 items, and at least 16.
        generator: the source of chance.
        length: items of a user's lists together.
    """

    def __init__(self, per_step: UsersPerStep, generator: Generator, length: int = 1) -> None:
        self.per_step, self.generator, self.length = per_step, generator, length

    def of(self, step: TrainStep) -> Sample:
        """The users of a step."""
        if self.per_step == "all":
            return Sample(step.users)
        return self.draw(step.users, users_per_step(self.per_step, len(step.batch.query.users), self.length))

    def entities(self, step: TrainStep) -> tuple[Sample, Sample]:
        """The same share of the users and of the items of a step, together twice as many as :meth:`of` draws users."""
        if self.per_step == "all":
            return Sample(step.users), Sample(step.items)
        n = users_per_step(self.per_step, len(step.batch.query.users), self.length)
        share = max(1.0, (len(step.users) + len(step.items)) / (2 * n))
        users, items = (self.draw(ids, max(1, round(len(ids) / share))) for ids in (step.users, step.items))
        return users, items

    def draw(self, ids: Tensor, n: int) -> Sample:
        """``n`` distinct ones of ``ids``, or all where there are no more."""
        if len(ids) <= n:
            return Sample(ids)
        chosen = torch.randperm(len(ids), generator=self.generator)[:n].sort().values
        return Sample(ids[chosen.to(ids.device)], len(ids) / n)


def users_per_step(per_step: Literal["auto"] | int, batch_size: int, length: int) -> int:
    """Number of users distilled in a step.

    >>> [users_per_step("auto", batch, 50) for batch in (4096, 2048, 256, 64)]
    [512, 256, 32, 16]
    >>> users_per_step("auto", 2048, 100), users_per_step(100, 2048, 50)
    (128, 100)
    """
    if isinstance(per_step, int):
        return per_step
    return max(FEWEST, int(batch_size / SHARE * min(1.0, SHORT / length)))


def check_users_per_step(per_step: UsersPerStep) -> None:
    """Refuse a number below 1.

    Raises:
        ValueError: naming the option.
    """
    fine = isinstance(per_step, str) or per_step >= 1
    require(fine, f"users_per_step={per_step} must be 1 or more, or auto or all")

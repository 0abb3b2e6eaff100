"""Which users of a batch are distilled in a step: all of them, or a random few that stand for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from rexp.compress.distill.stage import require

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api import Step
    from rexp.losses.reduction import Reduction

UsersPerStep = Literal["auto", "all"] | int
SHARE = 8
"""``auto``: one user for so many users of the batch."""
SHORT = 50
"""``auto``: items of a list up to which that holds; of longer lists so many fewer are taken."""
FEWEST = 32
"""``auto``: users of a step at least; a smaller share is made up for by fewer steps that distill."""
RAREST = 4
"""``auto``: at least every so many-th step distills."""


@dataclass(frozen=True)
class Sample:
    """Users, or items, drawn from those of a batch.

    Args:
        ids: (A,) int64, ascending.
        share: how many of the batch each of them stands for, 1 or more.
        every: how many steps this one stands for.
    """

    ids: Tensor
    share: float = 1.0
    every: int = 1

    def factor(self, reduction: Reduction) -> float:
        """What a loss over the sample is multiplied by, so that its expectation is the loss over all of them."""
        return self.every * (self.share if reduction == "sum" else 1.0)


class StepUsers:
    """Draws the users of every step.

    A list of K items costs K times what a sample of the batch does, so that the lists of all users of a batch take
    most of the time of a fit. A few drawn users, whose loss is multiplied by how many they stand for, give the same
    gradient in expectation.

    Args:
        per_step: ``all`` distinct users of the batch; a number of them; or ``auto``: an eighth as many as the batch
            has samples, fewer where lists are longer than 50 items; at least 32 of them, in every second to fourth
            step where that would be more.
        generator: the source of chance.
        length: items of a user's lists together.
    """

    def __init__(self, per_step: UsersPerStep, generator: Generator, length: int = 1) -> None:
        self.per_step, self.generator, self.length = per_step, generator, length
        self.start()

    def start(self) -> None:
        """Count the steps of an epoch anew, from a random one on: an epoch may have fewer steps than a turn."""
        self._steps = 0
        self._offset = 0.0 if self.per_step == "all" else float(torch.rand((), generator=self.generator))

    def of(self, step: Step) -> Sample | None:
        """The users of a step; None for a step that does not distill."""
        if self.per_step == "all":
            return Sample(step.users)
        n, every = size_and_turn(self.per_step, len(step.batch.query.users), self.length)
        if len(step.users) <= n:
            return Sample(step.users)
        return self.draw(step.users, n, every) if self._is_turn(every) else None

    def entities(self, step: Step) -> tuple[Sample, Sample] | None:
        """The same share of the users and of the items of a step, together twice as many as :meth:`of` draws users."""
        if self.per_step == "all":
            return Sample(step.users), Sample(step.items)
        n, every = size_and_turn(self.per_step, len(step.batch.query.users), self.length)
        share = (len(step.users) + len(step.items)) / (2 * n)
        if share <= 1:
            return Sample(step.users), Sample(step.items)
        if not self._is_turn(every):
            return None
        users, items = (self.draw(ids, max(1, round(len(ids) / share)), every) for ids in (step.users, step.items))
        return users, items

    def _is_turn(self, every: int) -> bool:
        """Whether this step distills, where every so many-th does."""
        turn = (self._steps + int(self._offset * every)) % every == 0
        self._steps += 1
        return turn

    def draw(self, ids: Tensor, n: int, every: int = 1) -> Sample:
        """``n`` distinct ones of ``ids``, or all where there are no more; they stand for ``every`` steps."""
        if len(ids) <= n:
            return Sample(ids, 1.0, every)
        chosen = torch.randperm(len(ids), generator=self.generator)[:n].sort().values
        return Sample(ids[chosen.to(ids.device)], len(ids) / n, every)


def size_and_turn(per_step: UsersPerStep, batch_size: int, length: int) -> tuple[int, int]:
    """How many users a step distills, and that every so many-th step does.

    >>> [size_and_turn("auto", batch, 50) for batch in (4096, 2048, 512, 256, 64)]
    [(512, 1), (256, 1), (64, 1), (32, 1), (32, 4)]
    >>> size_and_turn("auto", 2048, 100), size_and_turn(100, 2048, 50)
    ((128, 1), (100, 1))
    """
    if isinstance(per_step, int):
        return per_step, 1
    share = max(1, int(batch_size / SHARE * min(1.0, SHORT / length)))
    return max(FEWEST, share), min(RAREST, max(1, round(FEWEST / share)))


def check_users_per_step(per_step: UsersPerStep) -> None:
    """Refuse a number below 1.

    Raises:
        ValueError: naming the option.
    """
    fine = isinstance(per_step, str) or per_step >= 1
    require(fine, f"users_per_step={per_step} must be 1 or more, or auto or all")

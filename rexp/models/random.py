"""Random recommendations: the level that any model must pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Generator, Tensor

from rexp.api import Capability, DataSpec, Query, RecommenderModule

if TYPE_CHECKING:
    from rexp.data.split import Split

# Odd multipliers of MurmurHash3's 64-bit finalizer, as signed numbers; multiplication wraps around.
FIRST, SECOND = -0x00AE502812AA7333, -0x3B314601E57A13AD
DIGITS = 24
"""Bits of a score: as many as a float32 keeps exactly."""


@dataclass(frozen=True)
class RandomConfig:
    """:class:`Random` has no options."""


class Random(RecommenderModule):
    """The score of a (user, item) pair is a hash of both and of a salt: it is the same wherever it is asked for."""

    Config: ClassVar[type] = RandomConfig
    salt: Tensor

    def __init__(self, config: RandomConfig, spec: DataSpec) -> None:
        super().__init__()
        self.n_items = spec.n_items
        self.register_buffer("salt", torch.zeros(2, dtype=torch.int64))

    def capabilities(self) -> frozenset[Capability]:
        """Drawn, not trained."""
        drawn = {Capability.CLOSED_FORM, Capability.SCORES_ALL_ITEMS}
        return frozenset(drawn | {Capability.COLD_ITEMS, Capability.COLD_USERS})

    def fit(self, split: Split, generator: Generator) -> None:
        """Draw the salt: one number for users, one for items."""
        self.salt.copy_(torch.randint(2**62, (2,), generator=generator))

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Numbers in [0, 1), in the shape of ``items``."""
        users = _mix(query.users + self.salt[0])
        return _unit(users.view(-1, *[1] * (items.dim() - 1)) ^ _mix(items + self.salt[1]))

    def score_all(self, query: Query) -> Tensor:
        """(B, I) numbers in [0, 1)."""
        items = torch.arange(self.n_items, device=query.users.device)
        return self.score(query, items.unsqueeze(0))  # one row of items meets every user


def _mix(numbers: Tensor) -> Tensor:
    """Scatter int64 numbers over all 64 bits (MurmurHash3's finalizer)."""
    for multiplier in (FIRST, SECOND):
        numbers = (numbers ^ _shifted(numbers)) * multiplier
    return numbers ^ _shifted(numbers)


def _shifted(numbers: Tensor) -> Tensor:
    """The upper 31 bits, with zeros before them: torch's own shift repeats the sign."""
    return (numbers >> 33) & 0x7FFF_FFFF


def _unit(numbers: Tensor) -> Tensor:
    """Float32 numbers in [0, 1) from hashed int64."""
    return (_mix(numbers) & ((1 << DIGITS) - 1)).float() * 2.0**-DIGITS

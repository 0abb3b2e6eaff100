"""Whole items or users held out: what a model says of those that training has never met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rexp.api import SplitRows
from rexp.errors import DataError

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


@dataclass(frozen=True)
class ColdConfig:
    """Options of :class:`Cold`.

    Args:
        by: what is held out, whole ``item``s or whole ``user``s, with all their rows.
        share: of them that are tested.
        valid: share of them, further ones, that are for validation.
        warm_test, warm_valid: shares of the rows of all others that are tested, too, or validate, drawn at random so
            that each keeps a training row: what a model keeps where it knows the items is measured with
            ``evaluate.targets=warm``.
        seed: of the draws.
    """

    by: Literal["item", "user"] = "item"
    share: float = 0.2
    valid: float = 0.0
    warm_test: float = 0.0
    warm_valid: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.share > 0 and self.valid >= 0 and self.share + self.valid < 1):
            raise ValueError(
                f"share={self.share} must be above 0, valid={self.valid} not below, and both together below 1"
            )
        if not (self.warm_test >= 0 and self.warm_valid >= 0 and self.warm_test + self.warm_valid < 1):
            raise ValueError(
                f"warm_test={self.warm_test} and warm_valid={self.warm_valid} must not be negative, and both together "
                "be below 1"
            )
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed} must be between 0 and {2**32 - 1}")


class Cold:
    """Every row of a tested item (or user) is tested: training has never met it.

    The first ones of a random order are tested, the next ones validate; their numbers are rounded down. Measure it with
    ``evaluate.catalogue=cold`` (held-out items alone are ranked) or ``all``: by default, what training has not met is
    not recommended.
    """

    Config: ClassVar[type] = ColdConfig

    def __init__(self, config: ColdConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; every row is in one part.

        Raises:
            DataError: the shares are less than one item or user.
        """
        config = self.config
        rows = interactions.items if config.by == "item" else interactions.users
        ids, group = np.unique(rows, return_inverse=True)
        # The tiny summand keeps 0.1 * 10 at 1 in floating point.
        n_test, n_valid = (int(len(ids) * share + 1e-9) for share in (config.share, config.valid))
        if n_test == 0 or (config.valid and n_valid == 0):
            raise DataError(
                f"data.split.share={config.share} and valid={config.valid}: there are only {len(ids)} {config.by}s, "
                "and a share of them is less than one; hold out more"
            )
        # The legacy generator, whose draws never change: others can hold out the same.
        random = np.random.RandomState(config.seed)
        order = random.permutation(len(ids))
        part = np.zeros(len(ids), np.int8)
        part[order[:n_test]], part[order[n_test : n_test + n_valid]] = 2, 1
        drawn = part[group]
        rest = random.permutation(np.flatnonzero(drawn == 0))
        n_test, n_valid = (int(len(rest) * share + 1e-9) for share in (config.warm_test, config.warm_valid))
        rest = _repeats(rest, group)
        drawn[rest[:n_test]], drawn[rest[n_test : n_test + n_valid]] = 2, 1
        return SplitRows(drawn == 0, drawn == 1, drawn == 2)


def _repeats(rows: Array, group: Array) -> Array:
    """The rows in their order, without the last one of each group."""
    _, last = np.unique(group[rows[::-1]], return_index=True)
    return np.delete(rows, len(rows) - 1 - last)

"""K-fold cross-validation: every row, user or item is tested in one of the folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from rexp.api import SplitRows
from rexp.errors import ConfigError, DataError

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array


@dataclass(frozen=True)
class KFoldConfig:
    """Options of :class:`KFold`.

    Args:
        folds: parts that are tested in turn, as equal in size as can be.
        fold: the one that is tested, from 0.
        valid: the fold after the tested one is for validation; else it is trained on.
        by: what is drawn: ``row``; or whole ``user`` or ``item``, all rows of whom are held out.
        order: of rows before they are drawn: ``user`` (then time), or as they stand in the ``file``. It is of no
            consequence but for a fold to be the same as elsewhere: ``file`` gives the folds of scikit-learn's and
            Surprise's ``KFold(folds, shuffle=True, random_state=seed)``.
        seed: of the draw, which all folds share.
    """

    folds: int = 5
    fold: int = 0
    valid: bool = False
    by: Literal["row", "user", "item"] = "row"
    order: Literal["user", "file"] = "user"
    seed: int = 0

    def __post_init__(self) -> None:
        least = 3 if self.valid else 2
        if self.folds < least:
            raise ValueError(
                f"folds={self.folds} must be {least} or more{' where one validates' if self.valid else ''}"
            )
        if not 0 <= self.fold < self.folds:
            raise ValueError(f"fold={self.fold} must be between 0 and {self.folds - 1}, as folds={self.folds}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed} must be between 0 and {2**32 - 1}")
        if self.order == "file" and self.by != "row":
            raise ValueError(f"order=file is that of rows; leave it out with by={self.by}")


class KFold:
    """One fold of k (Stone: Cross-validatory choice and assessment of statistical predictions, JRSS B 1974).

    What is drawn is shuffled and cut into ``folds`` runs, the first ones longer by one where they cannot be equal.
    Users and items of the test part may lack training rows, all of them with ``by=user`` or ``by=item``.
    """

    Config: ClassVar[type] = KFoldConfig

    def __init__(self, config: KFoldConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows; every row is in one part.

        Raises:
            DataError: there are fewer rows, users or items than folds.
            ConfigError: the order of the file is not known.
        """
        config = self.config
        drawn = self._folds(interactions)
        test = drawn == config.fold
        valid = drawn == (config.fold + 1) % config.folds if config.valid else np.zeros(len(test), bool)
        return SplitRows(~test & ~valid, valid, test)

    def _folds(self, interactions: Interactions) -> Array:
        """(N,) int64: the fold of every row."""
        config = self.config
        if config.by == "row":
            folds = np.empty(len(interactions), np.int64)
            folds[self._ordered(interactions)] = self._draw(len(interactions))
            return folds
        ids, group = np.unique(interactions.users if config.by == "user" else interactions.items, return_inverse=True)
        drawn: Array = self._draw(len(ids))[group]
        return drawn

    def _draw(self, n: int) -> Array:
        """(n,) int64: a fold for each of n things."""
        config = self.config
        if n < config.folds:
            raise DataError(f"data.split.folds={config.folds}, but there are only {n} {config.by}s; take fewer folds")
        # The legacy generator: its shuffle is the one that others' folds come from.
        order = np.arange(n)
        np.random.RandomState(config.seed).shuffle(order)
        sizes = n // config.folds + (np.arange(config.folds) < n % config.folds)
        folds = np.empty(n, np.int64)
        folds[order] = np.repeat(np.arange(config.folds), sizes)
        return folds

    def _ordered(self, interactions: Interactions) -> Array:
        """(N,) int64: the rows in the order in which they are drawn from."""
        if self.config.order == "user":
            return np.arange(len(interactions))
        if interactions.rows is None:
            raise ConfigError("data.split.order=file: the rows' order in the file is not known; take order=user")
        return np.argsort(interactions.rows, kind="stable")

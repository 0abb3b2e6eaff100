"""Cross-validation over users: each fold's users are tested once, on a part of what they took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rexp.api import DataError, SplitRows

if TYPE_CHECKING:
    from rexp.api import Interactions


@dataclass(frozen=True)
class UserFoldsConfig:
    """Options of :class:`UserFolds`.

    Args:
        folds: parts that the users are divided into.
        fold: the part that is tested, from 0; the next one, in a circle, is for validation.
        held_out: share of such a user's interactions that is held out, at least one and never all.
        seed: of the parts and of what is held out.
    """

    folds: int = 5
    fold: int = 0
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise ValueError(f"folds={self.folds} must be 3 or more: to train, to validate and to test")
        if not 0 <= self.fold < self.folds:
            raise ValueError(f"fold={self.fold} must be from 0 to {self.folds - 1}")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out={self.held_out} must be between 0 and 1")


class UserFolds:
    """The users of one fold are tested, those of the next are for validation; what is not held out of theirs, and all
    of the others, is trained on. With the same seed the folds are the same whichever is tested, so that over all of
    them each user with two interactions or more is tested exactly once."""

    Config: ClassVar[type] = UserFoldsConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)

    def __init__(self, config: UserFoldsConfig) -> None:
        self.config = config

    def split(self, interactions: Interactions) -> SplitRows:
        """Masks of the rows.

        Raises:
            DataError: there are fewer users than folds.
        """
        config, users = self.config, interactions.users
        names, places, counts = np.unique(users, return_inverse=True, return_counts=True)
        if len(names) < config.folds:
            raise DataError(f"data/split=user_folds: {len(names)} users cannot be divided into {config.folds} folds")
        generator = np.random.default_rng(config.seed)
        folds = generator.permutation(len(names)) % config.folds
        order = np.lexsort((generator.random(len(users)), places))  # by user, then by chance
        ranks = np.empty(len(users), np.int64)
        ranks[order] = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
        wanted = np.maximum(1, np.round(config.held_out * counts).astype(np.int64))
        held = ranks < np.minimum(wanted, counts - 1)[places]
        test = held & (folds == config.fold)[places]
        valid = held & (folds == (config.fold + 1) % config.folds)[places]
        return SplitRows(~(test | valid), valid, test)

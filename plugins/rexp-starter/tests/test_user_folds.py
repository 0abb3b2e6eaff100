"""The split: who is tested when, and on how much."""

from __future__ import annotations

import numpy as np
import pytest
from rexp_starter.user_folds import UserFolds, UserFoldsConfig

from rexp.api import DataError, Interactions

COUNTS = np.array([10] * 20 + [1] * 3 + [2] * 3)
USERS = np.repeat(np.arange(len(COUNTS), dtype=np.int32), COUNTS)
DATA = Interactions(USERS, np.arange(len(USERS), dtype=np.int32))


def split(**options: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = UserFolds(UserFoldsConfig(**options)).split(DATA)  # type: ignore[arg-type]
    return parts.train, parts.valid, parts.test


def test_over_all_folds_each_user_who_can_be_is_tested_once_and_validated_once() -> None:
    tested = np.zeros(len(COUNTS), int)
    validated = np.zeros(len(COUNTS), int)
    for fold in range(5):
        train, valid, test = split(fold=fold)
        assert (train.astype(int) + valid + test == 1).all()
        tested[np.unique(USERS[test])] += 1
        validated[np.unique(USERS[valid])] += 1
        assert set(USERS[test]).isdisjoint(USERS[valid])
        assert set(USERS) == set(USERS[train])  # nobody is without a training item
    assert tested.tolist() == validated.tolist() == [1] * 20 + [0] * 3 + [1] * 3


def test_the_share_is_held_out_but_one_at_least_and_never_all() -> None:
    held = sum(np.bincount(USERS[split(fold=fold, held_out=0.3)[2]], minlength=len(COUNTS)) for fold in range(5))
    assert held.tolist() == [3] * 20 + [0] * 3 + [1] * 3


def test_the_seed_decides() -> None:
    assert (split(seed=3)[2] == split(seed=3)[2]).all()
    assert (split(seed=3)[2] != split(seed=4)[2]).any()


def test_fewer_users_than_folds_are_refused() -> None:
    few = Interactions(np.array([0, 0, 1], np.int32), np.array([0, 1, 0], np.int32))
    with pytest.raises(DataError, match="2 users cannot be divided into 5 folds"):
        UserFolds(UserFoldsConfig()).split(few)


@pytest.mark.parametrize("options", [{"folds": 2}, {"fold": 5}, {"held_out": 1.0}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        UserFoldsConfig(**options)  # type: ignore[arg-type]

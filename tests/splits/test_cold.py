"""Splits that hold out whole items or users."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rexp.data.interactions import Interactions
from rexp.errors import DataError
from rexp.splits.cold import Cold, ColdConfig

# 40 rows of eight users and ten items, whose numbers have gaps.
USERS = np.repeat(np.arange(8, dtype=np.int32) * 3, 5)
DATA = Interactions(USERS, (np.arange(40, dtype=np.int32) * 7 % 10) * 2 + 1)


@pytest.mark.parametrize(("by", "n"), [("item", 10), ("user", 8)])
def test_the_first_ones_of_numpy_s_permutation_are_tested(by: Any, n: int) -> None:
    rows = DATA.items if by == "item" else DATA.users
    parts = Cold(ColdConfig(by=by, share=0.3, valid=0.25, seed=3)).split(DATA)
    order = np.unique(rows)[np.random.RandomState(3).permutation(n)]
    n_test, n_valid = int(0.3 * n), int(0.25 * n)
    assert np.array_equal(parts.test, np.isin(rows, order[:n_test]))
    assert np.array_equal(parts.valid, np.isin(rows, order[n_test : n_test + n_valid]))
    assert (parts.train.astype(int) + parts.valid + parts.test).tolist() == [1] * 40


def test_rows_of_the_others_are_tested_too_and_each_keeps_one() -> None:
    parts = Cold(ColdConfig(share=0.2, warm_test=0.5, warm_valid=0.2, seed=3)).split(DATA)
    cold = np.unique(DATA.items)[np.random.RandomState(3).permutation(10)[:2]]
    of_cold = np.isin(DATA.items, cold)
    assert parts.test[of_cold].all()
    assert (parts.train.astype(int) + parts.valid + parts.test).tolist() == [1] * 40
    assert parts.test[~of_cold].sum() == 0.5 * 32
    assert parts.valid.sum() == int(0.2 * 32)
    assert set(DATA.items[parts.train]) == set(DATA.items[~of_cold])
    most = Cold(ColdConfig(share=0.2, warm_test=0.9, seed=3)).split(DATA)
    assert np.unique(DATA.items[most.train], return_counts=True)[1].tolist() == [1] * 8
    none = Cold(ColdConfig(share=0.2, seed=3)).split(DATA)
    assert (none.test == of_cold).all()


def test_seeds_hold_out_others_and_a_seed_the_same() -> None:
    first, again, other = (Cold(ColdConfig(seed=seed)).split(DATA).test.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_share_that_is_less_than_one_is_told() -> None:
    with pytest.raises(DataError, match="there are only 10 items"):
        Cold(ColdConfig(share=0.05)).split(DATA)
    with pytest.raises(DataError, match="there are only 8 users"):
        Cold(ColdConfig(by="user", valid=0.1)).split(DATA)


@pytest.mark.parametrize(
    "options",
    [
        {"share": 0.0},
        {"valid": -0.1},
        {"share": 0.6, "valid": 0.4},
        {"seed": -1},
        {"warm_test": 1.0},
        {"warm_valid": -1},
    ],
)
def test_options_that_cannot_be_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        ColdConfig(**options)

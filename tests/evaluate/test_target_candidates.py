"""A list a test item, with candidates of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexp.data.target_candidates import TargetCandidates
from rexp.errors import DataError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate

from .helpers import fixed, make_split

USERS, ITEMS = np.array([0, 0, 1], np.int32), np.array([5, 6, 5], np.int32)
LISTS = TargetCandidates(USERS, ITEMS, np.array([[1, 2], [3, -1], [1, -1]], np.int32))
JOINED = np.array([[1, 2, 3], [1, -1, -1]], np.int32)
TEST = [(0, 5), (0, 6), (1, 5)]
SCORES = [[0.0, 0.9, 0.1, 0.2, 0.0, 0.5, 0.8], [0.0, 0.2, 0.0, 0.0, 0.0, 0.1, 0.9]]


def split(lists: TargetCandidates | None = LISTS, valid=()):
    made = make_split([(0, 0), (1, 0), (1, 4)], TEST, valid, n_users=2, n_items=7, candidates=JOINED)
    return replace(made, target_candidates=lists)


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(protocol="candidates", metrics=["mrr", "recall"], k=[1, 2], catalogue="all", **options)


@pytest.mark.parametrize("block_bytes", [1, 2**20])
def test_each_test_item_is_ranked_among_its_own_candidates(block_bytes):
    found = evaluate(fixed(SCORES), split(), rules(block_bytes=block_bytes))
    # User 0: item 5 (.5) of 1 (.9), 2 (.1) is the second, and item 6 (.8) of 3 (.2) the first. User 1: the second of 1.
    assert found.metrics["mrr@2|given"] == pytest.approx(((1 / 2 + 1) / 2 + 1 / 2) / 2)
    assert found.metrics["recall@1|given"] == pytest.approx(((0 + 1) / 2 + 0) / 2)
    assert found.per_user["mrr@2|given"].tolist() == pytest.approx([0.75, 0.5])
    assert found.facts["n_lists"] == 3
    assert found.facts["n_users_evaluated"] == 2
    assert found.facts["lists"] == "test item"


def test_joined_they_are_one_list_of_other_rules():
    apart = evaluate(fixed(SCORES), split(), rules())
    joined = evaluate(fixed(SCORES), split(None), rules())
    # 1 (.9), 6 (.8), 5 (.5), 3, 2: the first of both targets is the second.
    assert joined.per_user["mrr@2|given"].tolist() == pytest.approx([0.5, 0.5])
    assert "lists" not in joined.facts
    assert joined.facts["protocol_id"] != apart.facts["protocol_id"]


def test_validation_rows_are_ranked_among_all_candidates_of_their_user():
    found = evaluate(fixed(SCORES), split(valid=[(0, 4)]), rules(), "valid")
    assert found.metrics["mrr@2|given"] == 0.0  # 4 (0.0) is the last of 1, 2, 3
    assert "lists" not in found.facts


def test_a_test_item_without_a_list_is_told():
    lists = TargetCandidates(USERS[:2], ITEMS[:2], LISTS.candidates[:2])
    with pytest.raises(DataError, match="user 1 with the test item 5 has targets but no candidates"):
        evaluate(fixed(SCORES), split(lists), rules())


def test_the_list_of_a_pair_is_no_other_pairs():
    asked = LISTS.of(np.array([1, 0, 1, 0], np.int32), np.array([5, 6, 6, 9], np.int32))
    assert asked.tolist() == [[1, -1], [3, -1], [-1, -1], [-1, -1]]
    none = TargetCandidates(USERS[:0], ITEMS[:0], LISTS.candidates[:0])
    assert none.of(USERS, ITEMS).tolist() == [[-1, -1]] * 3

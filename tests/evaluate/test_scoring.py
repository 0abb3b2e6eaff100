from __future__ import annotations

import numpy as np
import pytest
import torch

from rexp.api import Capability, Query
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator, evaluate
from rexp.models.mf import MF, MFConfig

from .helpers import FixedScores, fixed, make_split, random_split


class Sequential(FixedScores):
    """Keeps the histories it is shown."""

    history_length = 3

    def __init__(self, n_users, n_items):
        super().__init__(torch.zeros(n_users, n_items), Capability.SCORES_ALL_ITEMS, Capability.SEQUENTIAL)
        self.seen = {}

    def score_all(self, query):
        self.seen |= dict(zip(query.users.tolist(), query.history.tolist(), strict=True))
        return super().score_all(query)


@pytest.mark.parametrize(
    ("part", "history", "seen"),
    [
        ("test", ["train", "valid"], [1, 2, 3]),
        ("test", ["train"], [0, 1, 2]),
        ("valid", ["train", "valid"], [0, 1, 2]),
    ],
)
def test_a_history_ends_before_the_target(part, history, seen):
    split = make_split([(0, 0), (0, 1), (0, 2), (1, 4)], [(0, 4)], [(0, 3)], n_users=2, n_items=5)
    model = Sequential(2, 5)
    evaluate(model, split, EvaluateConfig(metrics=["hr"], k=[1], history=history), part)
    assert model.seen == {0: seen}


def test_a_model_without_history_is_shown_none():
    class Asks(FixedScores):
        def score_all(self, query):
            assert query.history is None
            return super().score_all(query)

    model = Asks(torch.zeros(30, 40), Capability.SCORES_ALL_ITEMS)
    assert evaluate(model, random_split(), EvaluateConfig(metrics=["hr"], k=[1])).metrics.keys() == {"hr@1"}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_scores_of_any_precision(dtype):
    table = np.random.default_rng(0).integers(0, 50, (30, 40))
    config = EvaluateConfig(metrics=["ndcg"], k=[5])
    model = FixedScores(torch.as_tensor(table).to(dtype), Capability.SCORES_ALL_ITEMS)
    assert evaluate(model, random_split(), config).metrics == evaluate(fixed(table), random_split(), config).metrics


def test_double_precision_keeps_its_digits():
    split = make_split([(0, 0), (1, 1), (1, 2)], [(0, 2)], n_users=2, n_items=3)
    table = torch.tensor([[0, 1, 1 + 1e-12], [0, 0, 0]], dtype=torch.float64)
    model = FixedScores(table, Capability.SCORES_ALL_ITEMS)
    assert evaluate(model, split, EvaluateConfig(metrics=["hr"], k=[1])).metrics["hr@1"] == 1


def test_one_evaluator_measures_many_models():
    split = random_split()
    evaluator = Evaluator(split, EvaluateConfig(metrics=["ndcg", "gini"], k=[5]))
    for seed in (0, 1, 0):
        model = fixed(np.random.default_rng(seed).random((30, 40)))
        assert evaluator(model).metrics == evaluate(model, split, evaluator.config).metrics


def test_scores_that_are_the_models_own_memory_are_not_written_to():
    class Popular(FixedScores):
        def score_all(self, query):
            return self.table.expand(len(query.users), -1)

    model = Popular(torch.arange(40.0).unsqueeze(0), Capability.SCORES_ALL_ITEMS)
    found = evaluate(model, random_split(), EvaluateConfig(metrics=["ndcg"], k=[5]))
    same = evaluate(fixed(np.tile(np.arange(40), (30, 1))), random_split(), EvaluateConfig(metrics=["ndcg"], k=[5]))
    assert found.metrics == same.metrics
    assert torch.equal(model.table, torch.arange(40.0).unsqueeze(0))


def test_the_items_of_a_dot_product_are_computed_once_for_all_users():
    class Counted(MF):
        asked = 0

        def item_embeddings(self):
            self.asked += 1
            return super().item_embeddings()

    split = random_split()
    model = Counted(MFConfig(factors=4), split.spec)
    config = EvaluateConfig(metrics=["ndcg"], k=[5], block_bytes=4 * split.n_items * 5)
    found = evaluate(model, split, config)
    assert model.asked == 1
    table = model.score_all(Query(torch.arange(split.n_users))).detach()
    assert found.metrics == evaluate(FixedScores(table, Capability.SCORES_ALL_ITEMS), split, config).metrics


def test_scores_in_another_order_of_memory():
    class Turned(FixedScores):
        def score_all(self, query):
            return self.table.T.contiguous().T[query.users]

    table = torch.as_tensor(np.random.default_rng(0).random((30, 40)))
    config = EvaluateConfig(metrics=["ndcg"], k=[5])
    found = evaluate(Turned(table, Capability.SCORES_ALL_ITEMS), random_split(), config)
    assert found.metrics == evaluate(fixed(table.numpy()), random_split(), config).metrics

"""Reasons in the history: the planted one comes first, exact ones add up, and nothing is made up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted import N_PAIRS, fitted, in_memory, model_of, pairs
from rexp_explain import explain_model
from rexp_explain.history import additive, items_of, leave_one_out
from torch import Tensor

from rexp.api import Capability, ConfigError, Query, RecommenderModule, Split

USERS = range(40)


@pytest.fixture(scope="module")
def split() -> Split:
    return pairs()


@pytest.mark.parametrize(
    ("name", "options", "method"),
    [
        ("ease", {"l2": 10.0}, "exact contributions"),
        ("itemknn", {}, "exact contributions"),
        ("rp3beta", {}, "exact contributions"),
        ("gfcf", {"factors": 8}, "leave-one-out"),
    ],
)
def test_the_planted_item_is_named_first(name: str, options: dict[str, float], method: str, split: Split) -> None:
    model, first = fitted(name, split, **options), 0
    for user in USERS:
        cause = 2 * (user % N_PAIRS)
        found = explain_model(model, split, user, cause + 1)
        assert (found.by, found.method) == ("history", method)
        taken = {str(item) for item in split.train.items[split.train.users == user]}
        assert {reason.name for reason in found.reasons} == taken
        first += found.reasons[0].name == str(cause)
        if found.gap is not None:
            assert found.gap < 1e-3 * max(1, abs(found.score))
    assert first >= 0.95 * len(USERS)


def test_an_item_that_is_not_named_is_the_best_one(split: Split) -> None:
    model = fitted("ease", split, l2=10.0)
    scores = model.score_all(Query(torch.tensor([3])))[0]
    scores[torch.from_numpy(split.train.items[split.train.users == 3]).long()] = -np.inf
    assert explain_model(model, split, 3).item == str(int(scores.argmax()))


def test_leaving_an_item_out_of_what_is_bound_is_its_weight_in_ease(split: Split) -> None:
    """The two ways, where both can be gone."""
    model, user, item = fitted("ease", split, l2=10.0), 1, 3
    query, score = Query(torch.tensor([user])), float(model.score(Query(torch.tensor([user])), torch.tensor([item])))
    items = items_of(split, query)
    exact = additive(model, query, item, items, score)
    assert exact is not None
    left = leave_one_out(model, split, query, item, items, score)
    torch.testing.assert_close(left, exact, atol=1e-5, rtol=0)
    assert float(model.score(query, torch.tensor([item]))) == score  # it is bound to everything again


class Content(RecommenderModule):
    """The cosine of an item with the sum of the user's."""

    def __init__(self, split: Split, vectors: Tensor) -> None:
        super().__init__()
        self.split, self.vectors = split, vectors

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT})

    def user_embeddings(self, query: Query) -> Tensor:
        sums = [
            self.vectors[np.unique(self.split.train.items[self.split.train.users == u])].sum(0)
            for u in query.users.numpy()
        ]
        return torch.nn.functional.normalize(torch.stack(sums), dim=1)

    def item_embeddings(self) -> Tensor:
        return self.vectors

    def score(self, query: Query, items: Tensor) -> Tensor:
        return torch.einsum("bd,bd->b", self.user_embeddings(query), self.vectors[items])


def test_content_is_the_sum_of_what_items_have_in_common() -> None:
    split = in_memory(np.array([[0, 0], [0, 1], [0, 2]]), 1, 4)
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 4.0], [1.0, 1.0]])
    found = explain_model(Content(split, vectors), split, 0, 3)
    length = (4**2 + 5**2) ** 0.5  # of the sum (4, 5)
    assert found.method == "exact contributions"
    assert {r.name: pytest.approx(r.value, abs=1e-6) for r in found.reasons} == {
        "2": 7 / length,
        "0": 1 / length,
        "1": 1 / length,
    }
    assert found.reasons[0].name == "2"
    assert found.gap == pytest.approx(0, abs=1e-6)


class Last(RecommenderModule):
    """The last item speaks for the next one, times its place."""

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.SEQUENTIAL})

    def score(self, query: Query, items: Tensor) -> Tensor:
        assert query.history is not None
        return (query.history == items.unsqueeze(1) - 1).sum(1).float() * (query.history >= 0).sum(1)


def test_a_model_of_sequences_is_asked_with_the_shorter_history() -> None:
    split = in_memory(np.array([[0, 5], [0, 2], [0, 5], [0, 8]]), 1, 10)
    found = explain_model(Last(), split, 0, 6)
    # 2 times 4 with the whole history; nothing without item 5 (both times), 2 times 3 without one of the others.
    assert found.score == 8
    assert [(reason.name, reason.value) for reason in found.reasons] == [("5", 8.0), ("2", 2.0), ("8", 2.0)]


def test_a_model_that_does_not_read_the_history_has_no_reason_there(split: Split) -> None:
    with pytest.raises(ConfigError, match="MF gives the same score whatever is left out"):
        explain_model(model_of("mf", split.spec), split, 0, 1)
    with pytest.raises(ConfigError, match="reads no fields"):
        explain_model(model_of("mf", split.spec), split, 0, 1, by="fields")

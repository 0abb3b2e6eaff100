"""Weighted hybrids and fused ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Capability, Query
from rexp.errors import ConfigError
from rexp.hybrids._fusion import ranks, scaled, votes
from rexp.hybrids._tuning import blocks, lattice
from rexp.hybrids.blend import Blend, BlendConfig
from tests.evaluate import test_list_contexts as contexts

from .parts import ALL, made, part, split_of, table, untaken

SPLIT = split_of()
ONE, OTHER = table(1), table(2)


def standard(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Each user's scores at mean 0 and deviation 1 over what he did not take."""
    rows = []
    for row, free in zip(scores, untaken(SPLIT), strict=True):
        rows.append((row - row[free].mean()) / row[free].std())
    return np.array(rows)


def test_scores_are_weighed_on_one_scale() -> None:
    model = made(Blend, SPLIT, [part(ONE), part(100 * OTHER + 7)], weights=(3.0, 1.0))
    expected = 0.75 * standard(ONE) + 0.25 * standard(OTHER)
    np.testing.assert_allclose(model.score_all(ALL), expected, rtol=1e-4, atol=1e-4)
    items = torch.tensor([[3, 1], [0, 8], [2, 2], [5, 7]])
    torch.testing.assert_close(model.score(ALL, items), model.score_all(ALL).gather(1, items))
    again = Query(torch.tensor([2, 2, 0]))
    torch.testing.assert_close(model.score(again, torch.tensor([1, 4, 1])), model.score_all(ALL)[[2, 2, 0], [1, 4, 1]])


@pytest.mark.parametrize("how", ["rrf", "borda", "isr"])
def test_ranks_are_those_of_what_the_user_did_not_take(how: Any) -> None:
    model = made(Blend, SPLIT, [part(ONE), part(OTHER)], how=how, weights=(1.0, 1.0), constant=5.0)
    worth = {"rrf": lambda rank: 1 / (5 + rank), "borda": lambda rank: (9 - rank) / 8, "isr": lambda rank: rank**-2.0}
    free = untaken(SPLIT)
    expected = np.zeros_like(ONE)
    for scores in (ONE, OTHER):
        for user in range(4):
            order = sorted(
                range(9), key=lambda item, u=user, s=scores: (not free[u, item], -s[u, item] * free[u, item])
            )
            for rank, item in enumerate(order, 1):
                expected[user, item] += 0.5 * worth[how](rank)
    found = model.score_all(ALL).numpy()
    np.testing.assert_allclose(found[free], expected[free], rtol=1e-5)


def test_equal_scores_have_the_ranks_of_their_ids_and_say_nothing_on_a_scale() -> None:
    everything = torch.ones(1, 3, dtype=torch.bool)
    assert ranks(torch.tensor([[1.0, 2.0, 1.0]]), everything).tolist() == [[2, 1, 3]]
    for scale in ("standard", "minmax"):
        assert scaled(torch.full((1, 3), 7.0), everything, scale).tolist() == [[0, 0, 0]]
        assert scaled(torch.tensor([[1.0, 2.0, 3.0]]), ~everything, scale).isfinite().all()


def ndcg(scores: np.ndarray[Any, Any], k: int) -> float:
    """Mean NDCG@k on the validation part among warm items that the user did not take, with loops."""
    values = []
    for user in range(4):
        relevant = set(SPLIT.valid.items[SPLIT.valid.users == user].tolist())
        if relevant:
            allowed = [i for i in range(9) if untaken(SPLIT)[user, i] and SPLIT.train_users_per_item[i] > 0]
            best = sorted(allowed, key=lambda item, u=user: -scores[u, item])[:k]
            gain = sum(1 / math.log2(place + 2) for place, item in enumerate(best) if item in relevant)
            values.append(gain / sum(1 / math.log2(place + 2) for place in range(min(k, len(relevant)))))
    return float(np.mean(values))


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_weights_are_the_best_of_those_that_are_tried(seed: int) -> None:
    tables = [table(seed), table(seed + 10), table(seed + 20)]
    model = made(Blend, SPLIT, [part(scores) for scores in tables], k=3, steps=4)
    of = [standard(scores) for scores in tables]
    values = [ndcg(sum(w * s for w, s in zip(weights, of, strict=True)), 3) for weights in lattice(3, 4)]  # type: ignore[arg-type]
    assert values[lattice(3, 4).index(tuple(model.weights.tolist()))] == pytest.approx(max(values))  # type: ignore[arg-type]


def test_a_part_that_knows_nothing_gets_no_weight_and_the_better_one_all() -> None:
    known = np.zeros((4, 9), np.float32)
    known[SPLIT.valid.users, SPLIT.valid.items] = 1
    model = made(Blend, SPLIT, [part(-known), part(known)])
    assert model.weights.tolist()[1] > model.weights.tolist()[0]
    assert ndcg(model.score_all(ALL).numpy(), 10) == 1


def test_what_one_part_reads_or_knows_the_blend_does() -> None:
    parts = [part(ONE, Capability.SCORES_ALL_ITEMS, Capability.COLD_ITEMS), part(OTHER, Capability.HAS_EMBEDDINGS)]
    assert Capability.COLD_ITEMS in made(Blend, SPLIT, parts, fit=False).capabilities()
    dot = part(OTHER, Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT)
    pairs = part(OTHER, Capability.HAS_EMBEDDINGS)
    by = [made(Blend, SPLIT, [part(ONE), its], weights=(1, 1)).score_all(ALL) for its in (part(OTHER), dot, pairs)]
    torch.testing.assert_close(by[1], by[0])
    torch.testing.assert_close(by[2], by[0])


def test_what_cannot_be_blended_is_told() -> None:
    with pytest.raises(ConfigError, match="blend takes 2 or more"):
        made(Blend, SPLIT, [part(ONE)])
    with pytest.raises(ConfigError, match="3 weights for 2 runs"):
        made(Blend, SPLIT, [part(ONE), part(OTHER)], weights=(1, 1, 1))
    with pytest.raises(ConfigError, match=r"none of model\.catalogue=train"):
        made(Blend, split_of(valid=False), [part(ONE), part(OTHER)])
    with pytest.raises(ConfigError, match="too many weights"):
        lattice(6, 20)
    for options in ({"steps": 0}, {"constant": -1.0}, {"weights": (0.0, 0.0)}):
        with pytest.raises(ValueError, match=next(iter(options))):
            BlendConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_what_a_model_of_lists_does_not_list_is_as_low_as_its_last(scale: Any) -> None:
    scores = torch.tensor([[3.0, -torch.inf, 1.0, 2.0], [-torch.inf] * 4])
    found = scaled(scores, torch.ones(2, 4, dtype=torch.bool), scale)
    assert found.isfinite().all()
    assert found[0, 0] > found[0, 3] > found[0, 2] == found[0, 1]
    assert (found[1] == 0).all()
    listed = scaled(scores[:1, [0, 2, 3]], torch.ones(1, 3, dtype=torch.bool), scale)
    torch.testing.assert_close(found[:1, [0, 2, 3]], listed)


def test_what_a_model_of_lists_does_not_list_shares_the_last_rank() -> None:
    scores = torch.tensor([[-torch.inf, 5.0, -torch.inf, 7.0]])
    assert ranks(scores, torch.ones(1, 4, dtype=torch.bool)).tolist() == [[4, 2, 4, 1]]
    assert votes(ranks(scores, torch.ones(1, 4, dtype=torch.bool)), "borda", 0).tolist()[0][0] == 0


def test_validation_asks_in_the_context_of_the_last_training_row() -> None:
    split = contexts.split(contexts.TEST)
    users = torch.tensor([2, 0])
    (plain,) = blocks(split, users, None, frozenset())
    (asked,) = blocks(split, users, None, frozenset({Capability.READS_CONTEXT}))
    assert plain.features == {}
    assert {name: values.tolist() for name, values in asked.features.items()} == {contexts.SKY: [1, 1]}

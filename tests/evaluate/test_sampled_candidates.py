"""Given and drawn candidates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rexp.errors import ConfigError, DataError, RunError
from rexp.evaluate.config import CandidatesConfig, EvaluateConfig
from rexp.evaluate.evaluator import Evaluator, evaluate
from rexp.evaluate.protocols.sampled_candidates import SampledNegatives
from rexp.evaluate.user_items import UserItems

from .helpers import fixed, make_split, ncf_split, plain_metrics, random_split

METRICS = ["hr", "ndcg", "mrr", "recall"]


def rules(protocol="candidates", **options) -> EvaluateConfig:
    return EvaluateConfig(**({"protocol": protocol, "metrics": METRICS, "k": [2]} | options))


def toy(candidates, test=((0, 1), (1, 2)), n_items=6):
    return make_split([(0, 0), (1, 0)], test, n_users=2, n_items=n_items, candidates=np.array(candidates, np.int32))


def test_given_candidates_are_ranked_with_the_targets():
    split = toy([[3, 4, 5], [3, 5, -1]])
    found = evaluate(fixed([[9, 2, 9, 3, 1, 0], [9, 9, 5, 0, 9, 7]]), split, rules())
    # user 0: 3, 1, 4, 5 and user 1: 5, 2, 3; what is no candidate (items 0, 2 with 9 points) is not ranked
    assert found.per_user["mrr@2|given"].tolist() == [0.5, 0.5]
    assert set(found.metrics) == {f"{name}@2|given" for name in METRICS}


def test_a_target_among_its_own_negatives_counts_once():
    once, twice = toy([[3, 4, 5], [3, 4, 5]]), toy([[1, 4, 5], [2, 4, 2]])
    model = fixed([[0, 5, 0, 0, 6, 7], [0, 0, 5, 0, 6, 4]])
    assert evaluate(model, once, rules(k=[3])).per_user["mrr@3|given"].tolist() == [1 / 3, 1 / 2]
    found = evaluate(model, twice, rules(k=[3]))
    assert found.per_user["mrr@3|given"].tolist() == [1 / 3, 1 / 2]
    assert found.per_user["recall@3|given"].tolist() == [1, 1]


def test_ties_among_candidates_go_to_the_lower_item_or_against_the_target():
    split = toy([[0, 4, 5], [0, 4, 5]])
    flat = fixed(np.zeros((2, 6)))
    assert evaluate(flat, split, rules(k=[4])).per_user["mrr@4|given"].tolist() == [0.5, 0.5]
    assert evaluate(flat, split, rules(k=[4], ties="pessimistic")).per_user["mrr@4|given"].tolist() == [0.25, 0.25]


def test_several_targets_and_any_block_size():
    rng = np.random.default_rng(2)
    base = random_split()
    candidates = np.array([rng.permutation(40)[:15] for _ in range(30)], np.int32)
    candidates[:, 10:] = -1
    pairs = [list(zip(p.users.tolist(), p.items.tolist(), strict=True)) for p in (base.train, base.test)]
    split = make_split(*pairs, n_users=30, n_items=40, candidates=candidates)
    table = rng.integers(0, 5, (30, 40))
    found = evaluate(fixed(table), split, rules(k=[8]))
    for row, user in enumerate(found.per_user["user"].tolist()):
        relevant = {item for u, item in pairs[1] if u == user}
        union = set(candidates[user, :10].tolist()) | relevant
        ranked = sorted(union, key=lambda item: (-table[user, item], item))
        assert found.per_user["ndcg@8|given"][row] == pytest.approx(plain_metrics(ranked, relevant, 8)["ndcg"])
    tiny = evaluate(fixed(table), split, rules(k=[8], block_bytes=1))
    assert tiny.metrics == found.metrics


def test_refusals():
    with pytest.raises(ConfigError, match="comes without candidates"):
        Evaluator(random_split(), rules())
    with pytest.raises(DataError, match="user 1 has targets but no candidates"):
        evaluate(fixed(np.zeros((2, 6))), toy([[3, 4], [-1, -1]]), rules())
    with pytest.raises(ConfigError, match=r"evaluate\.k has 9, but only 4 candidates"):
        Evaluator(toy([[3, 4, 5], [3, 4, 5]]), rules(k=[9]))
    with pytest.raises(RunError, match="NaN"):
        evaluate(fixed(np.full((2, 6), np.nan)), toy([[3, 4, 5], [3, 4, 5]]), rules())


def test_drawn_metrics_carry_their_draw_in_their_name():
    found = evaluate(
        fixed(np.zeros((30, 40))), random_split(), rules("sampled", candidates=CandidatesConfig(n=7, seed=3))
    )
    assert "ndcg@2|uniform-7-s3" in found.metrics
    assert found.facts["candidates"]["replace"] is False


@pytest.mark.parametrize("options", [{}, {"sampler": "popularity"}, {"replace": True}])
def test_what_is_counted_is_what_is_drawn(options):
    split = random_split()
    evaluator = Evaluator(split, rules("sampled", candidates=CandidatesConfig(n=28, **options)))
    users, candidates = evaluator.task.users, evaluator.task.source.candidates
    assert candidates.counts(users).tolist() == (candidates.of(users) >= 0).sum(1).tolist()


def test_users_with_too_few_negatives_are_told_and_counted():
    # Of seven items in the catalogue user 0 took three and user 1 one: three and five are left beside the target.
    train = [(0, 0), (0, 1), (0, 2), (1, 0), *((2, item) for item in range(7))]
    split = make_split(train, [(0, 3), (1, 1)], n_users=3, n_items=9)
    enough = Evaluator(split, rules("sampled", candidates=CandidatesConfig(n=3)))
    assert enough.notices == ()
    assert enough(fixed(np.zeros((3, 9)))).facts["n_short_candidates"] == 0
    short = Evaluator(split, rules("sampled", candidates=CandidatesConfig(n=5)))
    [notice] = short.notices
    assert notice.startswith("1 of 2 users have fewer than 5 items left to draw (the fewest: 3)")
    assert short(fixed(np.zeros((3, 9)))).facts["n_short_candidates"] == 1
    repeated = Evaluator(split, rules("sampled", candidates=CandidatesConfig(n=99, replace=True)))
    assert repeated.notices == ()


def test_more_than_can_be_drawn_is_refused():
    train = [(0, 0), (0, 1), (0, 2), (1, 0), *((2, item) for item in range(7))]
    split = make_split(train, [(0, 3), (1, 1)], n_users=3, n_items=9)
    with pytest.raises(ConfigError, match=r"candidates\.n is 6, but at most 5 items can be drawn"):
        Evaluator(split, rules("sampled", candidates=CandidatesConfig(n=6)))
    Evaluator(split, rules("sampled", k=[6], candidates=CandidatesConfig(n=5)))
    with pytest.raises(ConfigError, match=r"k has 7, but only 6 candidates"):
        Evaluator(split, rules("sampled", k=[7], candidates=CandidatesConfig(n=5)))


def drawn(config, split, weights=None):
    weights = torch.ones(split.n_items).double() if weights is None else weights
    cpu = torch.device("cpu")
    excluded = [UserItems(split, ["train"], cpu), UserItems(split, ["test"], cpu)]
    return SampledNegatives(config, weights, excluded)


@pytest.mark.parametrize("replace", [False, True])
def test_a_draw_depends_on_the_user_and_the_seed_alone(replace):
    split = random_split()
    users = torch.arange(30)
    draw = drawn(CandidatesConfig(n=9, replace=replace), split)
    whole = draw.of(users)
    assert torch.equal(torch.cat([draw.of(block) for block in users.split(7)]), whole)
    assert torch.equal(draw.of(users.flip(0)), whole.flip(0))
    assert not torch.equal(drawn(CandidatesConfig(n=9, seed=1, replace=replace), split).of(users), whole)


@pytest.mark.parametrize("replace", [False, True])
def test_excluded_items_are_never_drawn_and_a_small_pool_gives_what_it_has(replace):
    split = random_split()
    found = drawn(CandidatesConfig(n=45, replace=replace), split).of(torch.arange(30))
    for user, row in enumerate(found.tolist()):
        own = set(split.train.items[split.train.users == user]) | set(split.test.items[split.test.users == user])
        items = [item for item in row if item >= 0]
        assert not own & set(items)
        if replace:
            assert len(items) == 45
        else:
            assert sorted(items) == sorted(set(range(40)) - own)


@pytest.mark.parametrize("replace", [False, True])
def test_draws_follow_the_weights(replace):
    split = make_split([(0, 0)], [(0, 1)], n_users=20_000, n_items=5)
    weights = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]).double()
    found = drawn(CandidatesConfig(n=1, replace=replace), split, weights).of(torch.arange(2, 20_000))
    shares = torch.bincount(found.squeeze(1), minlength=5) / len(found)
    assert shares.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.02)


def test_a_cold_item_is_not_drawn_by_popularity():
    split = random_split()
    evaluator = Evaluator(split, rules("sampled", candidates=CandidatesConfig(n=20, sampler="popularity")))
    found = evaluator.task.source.candidates.of(torch.arange(30))
    assert not set(found.flatten().tolist()) & set(np.flatnonzero(split.train_users_per_item == 0).tolist())


@pytest.mark.parametrize("options", [{}, {"sampler": "popularity"}, {"replace": True}])
def test_sampled_metrics_do_not_depend_on_the_blocks(options):
    split = random_split()
    table = np.random.default_rng(1).integers(0, 9, (30, 40))
    found = [
        evaluate(fixed(table), split, rules("sampled", candidates=CandidatesConfig(n=9, **options), block_bytes=size))
        for size in (1, 50_000, 2**26)
    ]
    assert found[0].metrics == found[1].metrics == found[2].metrics


def test_most_popular_on_the_ncf_split_gives_the_published_values():
    # Dacrema et al. publish .4533 and .2542 for TopPopular on these files and negatives.
    split = ncf_split()
    popular = fixed(np.tile(split.train_users_per_item, (6040, 1)))
    found = evaluate(popular, split, EvaluateConfig(metrics=["hr", "ndcg"]))
    assert found.facts["protocol"] == "candidates"
    assert found.metrics["hr@10|given"] == pytest.approx(0.4533, abs=0.001)
    assert found.metrics["ndcg@10|given"] == pytest.approx(0.2542, abs=0.0005)

"""Several teachers on one scale, each heard where it is sure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import entropy

from rexp.api import Capability, Query
from rexp.compress.distill.ensemble import Ensemble
from rexp.compress.distill.standardized_ensemble import StandardizedEnsemble, combine
from rexp.compress.distill.stored_teacher import weights_hash

from .helpers import mf, split_of

SPLIT = split_of()
USERS = torch.arange(SPLIT.n_users)
SHARES = [0.25, 0.75]


def members() -> list[torch.nn.Module]:
    return [mf(SPLIT, 4, 0), mf(SPLIT, 8, 1, scale=7.0)]


def by_hand(way: str) -> np.ndarray:
    """(U, I) scores in float64, with the entropies of SciPy."""
    scores = [model.score_all(Query(USERS)).detach().double().numpy() for model in members()]  # type: ignore[operator]
    standard = np.stack([(s - s.mean(1, keepdims=True)) / s.std(1, keepdims=True) for s in scores])
    weights = np.broadcast_to(np.array(SHARES)[:, None, None], standard.shape)
    if way == "by_user":
        chances = np.exp(standard) / np.exp(standard).sum(2, keepdims=True)
        weights = weights * (1 - entropy(chances, axis=2, base=SPLIT.n_items))[..., None]
    if way == "by_pair":
        chances = expit(standard)
        weights = weights * (1 - entropy(np.stack([chances, 1 - chances]), axis=0, base=2))
    return (weights / weights.sum(0) * standard).sum(0)


@pytest.mark.parametrize("way", ["standardized", "by_user", "by_pair"])
def test_scores_are_those_computed_by_hand(way: str) -> None:
    both = combine(members(), SHARES, SPLIT, way)  # type: ignore[arg-type]
    expected = by_hand(way)
    np.testing.assert_allclose(both.score_all(Query(USERS)).detach(), expected, rtol=1e-3, atol=1e-4)
    users, items = torch.tensor([3, 0, 23]), torch.tensor([[5, 1], [0, 59], [7, 7]])
    np.testing.assert_allclose(
        both.score(Query(users), items).detach(), expected[users[:, None], items], rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        both.score(Query(users), items[:, 0]).detach(), expected[users, items[:, 0]], rtol=1e-3, atol=1e-4
    )


def test_members_on_other_scales_contribute_alike() -> None:
    one, two = mf(SPLIT, 4, 0), mf(SPLIT, 8, 1)
    plain = StandardizedEnsemble([one, two], SHARES, SPLIT, "standardized").score_all(Query(USERS))
    with torch.no_grad():
        two.users.weight.mul_(50.0)
    scaled = StandardizedEnsemble([one, two], SHARES, SPLIT, "standardized").score_all(Query(USERS))
    torch.testing.assert_close(scaled, plain, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(Ensemble([one, two], SHARES).score_all(Query(USERS)), plain)


def test_each_member_is_heard_by_the_users_that_it_knows() -> None:
    """Each knows the tastes of half of the users, and answers the others by chance."""
    torch.manual_seed(0)
    liked = torch.rand(SPLIT.n_users, SPLIT.n_items) < 0.1
    known = SPLIT.n_users // 2 > USERS
    one, two = (_memory(liked, half) for half in (known, ~known))

    def found(way: str) -> float:
        scores = combine([one, two], [0.5, 0.5], SPLIT, way).score_all(Query(USERS))
        better = scores.unsqueeze(2) > scores.unsqueeze(1)
        return float(better[liked.unsqueeze(2) & ~liked.unsqueeze(1)].float().mean())

    assert found("by_user") > found("standardized") + 0.01
    assert found("by_pair") > found("standardized") + 0.003


def _memory(liked: torch.Tensor, known: torch.Tensor) -> torch.nn.Module:
    """A model of as many factors as items, whose scores are noise, and of the users that it knows likes as well."""
    scores = torch.randn(liked.shape) + 4.0 * liked * known.unsqueeze(1)
    model = mf(SPLIT, SPLIT.n_items, 0, user_bias=False)
    with torch.no_grad():
        model.users.weight.copy_(scores)
        model.items.weight.copy_(torch.eye(SPLIT.n_items))
    torch.testing.assert_close(model.score_all(Query(USERS)), scores)
    return model


def test_no_dot_product_has_its_scores() -> None:
    both = StandardizedEnsemble(members(), SHARES, SPLIT, "by_user")  # type: ignore[arg-type]
    assert both.capabilities() == {Capability.SCORES_ALL_ITEMS}


def test_another_way_is_another_teacher() -> None:
    """The lists of one are not read as those of another."""
    ways = ["mean", "standardized", "by_user", "by_pair"]
    assert len({weights_hash(combine(members(), SHARES, SPLIT, way)) for way in ways}) == 4  # type: ignore[arg-type]

"""RP3Beta: walks, counted by hand and walked step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.models.p3alpha import P3Alpha
from rexp.models.rp3beta import RP3Beta, RP3BetaConfig

from .closed_form import check_closed_form, everyone, fitted, lonely, ones, planted, unseen_of_own_taste
from .helpers import two_tastes


@pytest.mark.parametrize("options", [{}, {"alpha": 1.5, "normalize": False, "top_k": 2}])
def test_it_is_a_closed_form_model(options: dict[str, Any], tmp_path: Path) -> None:
    check_closed_form(RP3Beta, lonely(), tmp_path, **options)


def test_it_learns_the_tastes() -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(RP3Beta, split), split) == 1


def test_by_hand() -> None:
    split = planted([(0, 0), (0, 1), (1, 1), (1, 2)], 2, 3)
    # P3alpha's [[0, .5, 0], [.25, 0, .25], [0, .5, 0]] over the popularity, 1 2 1, to the power of beta.
    weights = fitted(RP3Beta, split, beta=2.0, normalize=False).weights.scipy().toarray()
    assert weights.tolist() == [[0, 0.125, 0], [0.25, 0, 0.25], [0, 0.125, 0]]
    shares = fitted(RP3Beta, split, beta=2.0).weights.scipy().toarray()
    assert shares.tolist() == [[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]
    scores = everyone(fitted(RP3Beta, split, beta=2.0, normalize=False), split)
    torch.testing.assert_close(scores[0], torch.tensor([0.25, 0.125, 0.25]))


def test_against_a_dense_computation() -> None:
    split, alpha, beta = two_tastes(n_users=25), 1.3, 0.7
    taken = ones(split)
    popularity = taken.sum(0)
    weights = np.zeros((31, 31))
    for i in range(31):
        for j in range(31):
            for user in range(25):
                if i != j and taken[user, i] and taken[user, j]:
                    weights[i, j] += (1 / popularity[i] / taken[user].sum()) ** alpha / popularity[j] ** beta
    found = fitted(RP3Beta, split, alpha=alpha, beta=beta, normalize=False).weights.scipy().toarray()
    np.testing.assert_allclose(found, weights, rtol=1e-5)
    sums = weights.sum(1, keepdims=True)
    found = fitted(RP3Beta, split, alpha=alpha, beta=beta).weights.scipy().toarray()
    np.testing.assert_allclose(found, weights / np.where(sums > 0, sums, 1), rtol=1e-5)


def test_without_beta_it_is_p3alpha() -> None:
    split = two_tastes()
    plain = everyone(fitted(P3Alpha, split, alpha=1.2, normalize=True), split)
    assert torch.equal(everyone(fitted(RP3Beta, split, alpha=1.2, beta=0.0), split), plain)


def test_a_larger_beta_recommends_rarer_items() -> None:
    split = lonely()
    popularity = torch.from_numpy(ones(split).sum(0)).float()
    mean = []
    for beta in (0.0, 1.0, 3.0):
        scores = everyone(fitted(RP3Beta, split, beta=beta, normalize=False), split)[:4]
        mean.append(((scores / scores.sum(1, keepdim=True)) @ popularity).mean())
    assert mean[0] > mean[1] > mean[2]


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"top_k": 0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        RP3BetaConfig(**options)

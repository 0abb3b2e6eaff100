"""P3Alpha: walks, counted by hand and walked step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.models.p3alpha import P3Alpha, P3AlphaConfig

from .closed_form import check_closed_form, everyone, fitted, lonely, ones, planted, unseen_of_own_taste
from .helpers import two_tastes


@pytest.mark.parametrize("options", [{}, {"alpha": 1.5, "normalize": True, "top_k": 2}])
def test_it_is_a_closed_form_model(options: dict[str, Any], tmp_path: Path) -> None:
    check_closed_form(P3Alpha, lonely(), tmp_path, **options)


def test_it_learns_the_tastes() -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(P3Alpha, split), split) == 1


def test_by_hand() -> None:
    split = planted([(0, 0), (0, 1), (1, 1), (1, 2)], 2, 3)
    # From item 0 to user 0 surely, and on to item 1 in half of the cases; from item 1 to both users, to 0 and 2 each.
    weights = fitted(P3Alpha, split).weights.scipy().toarray()
    assert weights.tolist() == [[0, 0.5, 0], [0.25, 0, 0.25], [0, 0.5, 0]]
    squared = fitted(P3Alpha, split, alpha=2.0).weights.scipy().toarray()
    assert squared.tolist() == [[0, 0.25, 0], [0.0625, 0, 0.0625], [0, 0.25, 0]]
    shares = fitted(P3Alpha, split, alpha=2.0, normalize=True).weights.scipy().toarray()
    assert shares.tolist() == [[0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]]
    scores = everyone(fitted(P3Alpha, split), split)
    torch.testing.assert_close(scores[0], torch.tensor([0.25, 0.5, 0.25]))


def test_both_cuts() -> None:
    """Of every row the largest two, then of every column."""
    split = two_tastes()
    whole = fitted(P3Alpha, split, top_k=100).weights.scipy().toarray()
    cut = np.zeros_like(whole)
    for item, row in enumerate(whole):
        for best in np.argsort(row)[-2:]:
            cut[item, best] = row[best]
    cut = np.array([np.where(column >= np.sort(column)[-2], column, 0) for column in cut.T]).T
    found = fitted(P3Alpha, split, top_k=2).weights.scipy().toarray()
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(cut, axis=0))
    assert (np.count_nonzero(found, axis=0) <= 2).all()
    assert (np.count_nonzero(found, axis=1) <= 2).all()


def test_its_scores_are_where_walks_end() -> None:
    """Walkers start at a user and take three steps at random; those that come back to their first item do not count."""
    split = lonely()
    random = np.random.default_rng(0)
    taken = ones(split)
    ends = np.zeros(split.n_items)
    n_walks = 40_000
    for _ in range(n_walks):
        first = random.choice(np.flatnonzero(taken[1]))
        user = random.choice(np.flatnonzero(taken[:, first]))
        last = random.choice(np.flatnonzero(taken[user]))
        ends[last] += last != first
    n_taken = taken[1].sum()  # a score sums over the user's items, with no 1 / 3 for each
    scores = everyone(fitted(P3Alpha, split), split)[1]
    np.testing.assert_allclose(scores / n_taken, ends / n_walks, atol=0.01)


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"top_k": 0}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        P3AlphaConfig(**options)

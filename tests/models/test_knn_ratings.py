"""Neighborhood models of ratings, by hand and against loops over neighbors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Query
from rexp.models.bias import Bias
from rexp.models.knn_ratings import KNNRatings, KNNRatingsConfig

from .closed_form import everyone, fitted, lonely, planted
from .rating_models import Ratings, by_user, check_rating_model, mean_of, rated, transposed

SPLITS = {"lonely": lonely(), "rated": rated()}


def predicted(model: Any, split: Any) -> np.ndarray[Any, Any]:
    """(n_users, n_items)."""
    items = torch.arange(split.n_items).expand(split.n_users, -1)
    scores: np.ndarray[Any, Any] = model.score(Query(torch.arange(split.n_users)), items).numpy()
    return scores


def test_a_mean_weighted_by_similarity() -> None:
    """Users 0 and 1 rate item 0 alike: msd 0, s = 1. Users 0 and 2 differ by 2: msd 4, s = 1/5."""
    split = planted([(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)], 3, 2, ratings=[4.0, 4.0, 5.0, 2.0, 1.0])
    found = {k: predicted(fitted(KNNRatings, split, around="zero", k=k), split)[0, 1] for k in (1, 2)}
    assert found[1] == pytest.approx(5)
    assert found[2] == pytest.approx((1 * 5 + 1 / 5 * 1) / (1 + 1 / 5))
    around = predicted(fitted(KNNRatings, split, around="mean"), split)[0, 1]
    assert around == pytest.approx(4 + (1 * (5 - 4.5) + 1 / 5 * (1 - 1.5)) / (1 + 1 / 5))


def test_equally_similar_neighbors_count_in_the_order_of_their_ids() -> None:
    split = planted([(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)], 3, 2, ratings=[4.0, 4.0, 5.0, 4.0, 1.0])
    assert predicted(fitted(KNNRatings, split, around="zero", k=1), split)[0, 1] == pytest.approx(5)


def similarity(x: dict[int, float], y: dict[int, float], name: str, min_support: int) -> float:
    """Of two rows; ``pearson_baseline`` gets differences, and shrinks by 2."""
    both = sorted(x.keys() & y.keys())
    if len(both) < min_support:
        return 0
    a, b = (np.array([row[key] for key in both]) for row in (x, y))
    if name == "msd":
        return float(1 / (np.mean((a - b) ** 2) + 1)) if both else 0
    if name == "pearson" and both:
        a, b = a - a.mean(), b - b.mean()
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    shrunk = (len(both) - 1) / (len(both) - 1 + 2) if name == "pearson_baseline" else 1
    return float(a @ b / lengths * shrunk) if lengths > 1e-6 else 0


def written_out(split: Any, base: np.ndarray[Any, Any], u: int, i: int, **options: Any) -> float:
    """One rating, as Surprise's documentation defines it."""
    by, around = options["by"], options["around"]
    users = by_user(split)
    rows: Ratings = users if by == "user" else transposed(users)
    differences = {
        a: {b: r - (base[a, b] if by == "user" else base[b, a]) for b, r in own.items()} for a, own in rows.items()
    }
    own, other = (u, i) if by == "user" else (i, u)
    known = own in rows and other in transposed(rows)
    if not known:
        return float(base[u, i]) if around == "baseline" else mean_of(users)
    compared = differences if options["similarity"] == "pearson_baseline" else rows
    near = [
        (similarity(compared[own], compared[a], options["similarity"], options["min_support"]), a)
        for a in sorted(rows)
        if a != own and other in rows[a]
    ]
    near = [pair for pair in sorted(near, key=lambda pair: -round(pair[0], 6))[: options["k"]] if pair[0] > 0]
    everything = np.std([r for row in rows.values() for r in row.values()])
    means = {a: np.mean(list(row.values())) for a, row in rows.items()}
    spreads = {a: np.std(list(row.values())) or everything for a, row in rows.items()}
    center, scale = {"zero": (0, 1), "mean": (means[own], 1), "zscore": (means[own], spreads[own])}.get(
        around, (base[u, i], 1)
    )
    if len(near) < options["min_k"]:
        return mean_of(users) if around == "zero" else float(center)
    values = {
        "zero": lambda a: rows[a][other],
        "mean": lambda a: rows[a][other] - means[a],
        "zscore": lambda a: (rows[a][other] - means[a]) / spreads[a],
        "baseline": lambda a: differences[a][other],
    }[around]
    return float(center + scale * sum(s * values(a) for s, a in near) / sum(s for s, _ in near))


@pytest.mark.parametrize("by", ["user", "item"])
@pytest.mark.parametrize("around", ["zero", "mean", "zscore", "baseline"])
@pytest.mark.parametrize("name", ["msd", "cosine", "pearson", "pearson_baseline"])
@pytest.mark.parametrize(
    ("which", "k", "min_k", "min_support"), [("rated", 3, 1, 1), ("rated", 40, 2, 3), ("lonely", 2, 1, 1)]
)
def test_it_is_what_its_definition_says(
    which: str, name: Any, around: Any, by: Any, k: int, min_k: int, min_support: int
) -> None:
    split = SPLITS[which]
    damped = {"item_damping": 10.0, "user_damping": 15.0, "epochs": 10}
    base = everyone(fitted(Bias, split, **damped), split).double().numpy()
    options = {"by": by, "around": around, "similarity": name, "k": k, "min_k": min_k, "min_support": min_support}
    wanted = [[written_out(split, base, u, i, **options) for i in range(split.n_items)] for u in range(split.n_users)]
    found = predicted(fitted(KNNRatings, split, shrink=2.0, **options), split)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("around", ["zero", "mean", "zscore", "baseline"])
def test_it_is_a_closed_form_model_of_ratings(around: str, tmp_path: Path) -> None:
    check_rating_model(KNNRatings, tmp_path, around=around)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    split = rated()
    whole = predicted(fitted(KNNRatings, split), split)
    for module in ("_common_ratings", "knn_ratings"):
        monkeypatch.setattr(f"rexp.models.{module}.CELLS_AT_ONCE", 40)
    np.testing.assert_allclose(predicted(fitted(KNNRatings, split), split), whole, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{"k": 0}, {"min_k": 0}, {"min_support": 0}, {"shrink": -1.0}, {"epochs": 0}, {"item_damping": -1.0}],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        KNNRatingsConfig(**options)

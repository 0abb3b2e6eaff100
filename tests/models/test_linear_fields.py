"""Ridge and logistic regression over fields against a dense matrix that is written row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from rexp.api import Capability, DataSpec, Query, Split
from rexp.errors import ConfigError, DataError
from rexp.plugins import registry

from .fields import CONTEXT, FieldData, field_data

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FieldData:
    """Data whose training rows have contexts."""
    made = field_data(tmp_path_factory.mktemp("fields"))
    chance = np.random.default_rng(0)
    n = len(made.split.train)
    tags = np.sort(chance.integers(0, 4, (n, 2)), 1)[:, ::-1]
    context = {
        "context.hour": chance.integers(0, 5, n),
        "context.tags": np.ascontiguousarray(np.where(tags[:, :1] == tags[:, 1:], tags * [1, 0], tags)),
        "context.load": chance.normal(size=n).astype(np.float32),
    }
    return replace(made, split=replace(made.split, train=replace(made.split.train, context=context)))


def fitted(name: str, data: FieldData, split: Split | None = None, **options: Any) -> Any:
    model_class: Any = registry.load("model", name)
    model = model_class(model_class.Config(**options), data.spec)
    model.bind(data.split)
    model.fit(split or data.split, torch.Generator().manual_seed(0))
    return model


def dense(data: FieldData, split: Split) -> Array:
    """(N, M): one-hot rows, written field by field."""
    train, rows = split.train, []
    for place, (user, item) in enumerate(zip(train.users, train.items, strict=True)):
        row = [np.eye(split.n_users)[user], np.eye(split.n_items)[item]]
        for name, spec in data.spec.features.items():
            if name in CONTEXT:
                value = train.context[name][place]
            else:
                value = data.split.features()[name].values[user if spec.side == "user" else item]
            if spec.kind in ("number", "vector"):
                row.append(np.atleast_1d(value))
            elif spec.kind == "category":
                row.append(np.eye(spec.cardinality)[value])
            else:
                known = [code for code in value if code]
                row.append(sum((np.eye(spec.cardinality)[code] for code in known), np.zeros(spec.cardinality)))
                row[-1] = row[-1] / max(1, len(known))
        rows.append(np.concatenate(row))
    return np.array(rows)


def scores_of(model: Any, split: Split) -> Array:
    train = split.train
    query = Query(
        torch.from_numpy(train.users.astype(np.int64)),
        features={name: torch.from_numpy(values) for name, values in train.context.items()},
    )
    with torch.no_grad():
        found: Array = model.score(query, torch.from_numpy(train.items.astype(np.int64))).numpy()
    return found


def test_ridge_solves_the_normal_equations(data: FieldData) -> None:
    model = fitted("linear", data, target="rating", l2=2.0, tol=1e-10)
    matrix = dense(data, data.split)
    assert data.split.train.ratings is not None
    centered, ratings = matrix - matrix.mean(0), data.split.train.ratings.astype(np.float64)
    weights = np.linalg.solve(
        centered.T @ centered + 2.0 * np.eye(matrix.shape[1]), centered.T @ (ratings - ratings.mean())
    )
    expected = ratings.mean() + centered @ weights
    np.testing.assert_allclose(scores_of(model, data.split), expected, atol=1e-4)
    assert Capability.PREDICTS_RATINGS in model.capabilities()
    assert Capability.PREDICTS_RATINGS not in fitted("linear", data).capabilities()


def test_logistic_regression_minimizes_its_loss(data: FieldData) -> None:
    model = fitted("logistic", data, target="rating", threshold=3.5, l2=0.5, tol=1e-8, max_iter=2000)
    matrix = dense(data, data.split)
    assert data.split.train.ratings is not None
    signs = np.where(data.split.train.ratings >= 3.5, 1.0, -1.0)

    def loss(weights: Array) -> tuple[float, Array]:
        margins = signs * (matrix @ weights[:-1] + weights[-1])
        slope = -signs / (1 + np.exp(margins))
        gradient = np.append(matrix.T @ slope + 0.5 * weights[:-1], slope.sum())
        return float(np.log1p(np.exp(-margins)).sum() + 0.25 * weights[:-1] @ weights[:-1]), gradient

    best = minimize(loss, np.zeros(matrix.shape[1] + 1), jac=True, method="BFGS", options={"gtol": 1e-6}).x
    np.testing.assert_allclose(scores_of(model, data.split), matrix @ best[:-1] + best[-1], atol=1e-3)


@torch.no_grad()
def test_it_is_a_dot_product(data: FieldData) -> None:
    for name in ("linear", "logistic"):
        model = fitted(name, data)
        matrix = model.score(data.query, data.catalog)
        torch.testing.assert_close(model.score_all(data.query), matrix)
        torch.testing.assert_close(model.user_embeddings(data.query) @ model.item_embeddings().T, matrix)
        assert {Capability.READS_CONTEXT, Capability.NEEDS_TRAIN_DATA} <= model.capabilities()


def test_labels_below_one_are_negatives(data: FieldData) -> None:
    """1 and 0 or 1 and -1, it is the same."""
    found = []
    for other in (0.0, -1.0):
        ratings = np.where(data.split.train.users % 2 == 0, 1.0, other).astype(np.float32)
        split = replace(data.split, train=replace(data.split.train, ratings=ratings))
        found.append(scores_of(fitted("logistic", data, split, target="label"), split))
    np.testing.assert_array_equal(found[0], found[1])
    even = data.split.train.users % 2 == 0
    assert found[0][even].min() > 0 > found[0][~even].max()


def test_drawn_negatives_are_below_what_was_taken(data: FieldData) -> None:
    for name in ("linear", "logistic"):
        model = fitted(name, data, use_features=(), negatives=3)
        with torch.no_grad():
            scores = model.score_all(Query(torch.arange(data.split.n_users)))
        popularity = np.bincount(data.split.train.items, minlength=data.split.n_items)
        order = np.corrcoef(scores[0].numpy(), popularity)[0, 1]
        assert order > 0.8, name


def test_refusals(data: FieldData) -> None:
    without = replace(data.split, train=replace(data.split.train, ratings=None))
    with pytest.raises(ConfigError, match=r"model\.target=rating needs ratings.*target=implicit"):
        fitted("linear", data, without, target="rating")
    ones = replace(data.split.train, ratings=np.ones(len(data.split.train), np.float32))
    with pytest.raises(DataError, match="have the label 1"):
        fitted("logistic", data, replace(data.split, train=ones), target="label")
    for name, options in {
        "logistic": {"target": "rating"},
        "linear": {"l2": 0.0},
    }.items():
        with pytest.raises(ValueError, match=next(iter(options))):
            registry.load("model", name).Config(**options)  # type: ignore[attr-defined]


def test_nothing_but_ids_is_needed() -> None:
    for name in ("linear", "logistic"):
        model_class: Any = registry.load("model", name)
        model = model_class(model_class.Config(), DataSpec(5, 7, 10))
        assert Capability.NEEDS_TRAIN_DATA not in model.capabilities()

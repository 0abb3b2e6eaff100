"""Boosted trees against LightGBM asked directly, on columns written row by row; lists; what is kept."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Capability, Query, Split
from rexp.errors import ConfigError, DataError
from rexp.models.gbdt import GBDT, GBDTConfig

from .fields import FieldData, field_data
from .helpers import two_tastes

lightgbm = pytest.importorskip("lightgbm", reason="the extra 'trees' is not installed")
Array = np.ndarray[Any, Any]
SMALL: dict[str, Any] = {"trees": 10, "leaves": 4, "min_leaf": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FieldData:
    return field_data(tmp_path_factory.mktemp("fields"))


def fitted(split: Split, **options: Any) -> GBDT:
    model = GBDT(GBDTConfig(**(SMALL | options)), split.spec)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(split)
    model.fit(split, torch.Generator().manual_seed(0))
    return model


def without_context(split: Split) -> tuple[str, ...]:
    """Names of the features of users and items."""
    return tuple(name for name, spec in split.spec.features.items() if spec.side != "context")


def test_it_is_lightgbm_s(data: FieldData) -> None:
    split, train = data.split, data.split.train
    model = fitted(split, objective="regression", target="rating", use_features=without_context(split))
    features, rows = split.features(), []
    for user, item in zip(train.users, train.items, strict=True):
        genres = np.zeros(split.spec.features["item.genres"].cardinality)
        genres[[code for code in features["item.genres"].values[item] if code]] = 1
        parts = {"item.genres": genres}
        for name, feature in features.items():
            parts.setdefault(name, feature.values[user if name.startswith("user") else item])
        of_user = [name for name in split.spec.features if name.startswith("user")]
        of_item = [name for name in split.spec.features if name.startswith("item")]
        rows.append(np.hstack([user, *(parts[n] for n in of_user), item, *(parts[n] for n in of_item)]))
    kinds = [split.spec.features[name].kind for name in of_user]
    categories = [0, *(1 + place for place, kind in enumerate(kinds) if kind == "category"), 1 + len(of_user)]
    matrix = np.array(rows, np.float64)
    direct = lightgbm.LGBMRegressor(n_estimators=10, num_leaves=4, min_child_samples=2, n_jobs=1, verbose=-1)
    direct.fit(matrix, train.ratings, categorical_feature=categories)
    users, items = torch.tensor(train.users).long(), torch.tensor(train.items).long()
    np.testing.assert_allclose(model.score(Query(users), items), direct.predict(matrix), rtol=1e-5)
    assert Capability.PREDICTS_RATINGS in model.capabilities()


@pytest.mark.parametrize("objective", ["binary", "regression", "lambdarank"])
def test_it_learns_the_tastes(objective: str) -> None:
    split = two_tastes()
    model = fitted(split, objective=objective, trees=40, leaves=8)
    everyone = torch.arange(split.n_users)
    scores = model.score(Query(everyone), torch.arange(split.n_items).expand(split.n_users, -1))
    best = scores.argmax(1)
    assert (best // (split.n_items // 2) == everyone % 2).double().mean().item() > 0.95


def test_contributions_of_fields_add_up_to_the_scores(data: FieldData) -> None:
    model = fitted(data.split, objective="regression", target="rating")
    query = data.query
    items = torch.arange(len(query.users))
    parts = model.contributions(query, items)
    assert list(parts) == [*model.names, ""]
    assert {part.shape for part in parts.values()} == {items.shape}
    total = torch.stack(list(parts.values())).sum(0)
    torch.testing.assert_close(total.float(), model.score(query, items), rtol=1e-4, atol=1e-5)
    assert parts[""].unique().numel() == 1


def test_lists_are_those_of_users_where_rows_are_rated() -> None:
    """Each user's scale is his own: between lists nothing is compared, within them the order is one for all."""
    split = two_tastes()
    rank = split.train.items % 5
    shifted = (rank + 3 * (split.train.users % 3)).astype(np.float32)
    rated = replace(split, train=replace(split.train, ratings=shifted))
    model = fitted(rated, objective="lambdarank", target="rating", trees=60, use_user_id=True)
    items = torch.from_numpy(split.train.items.astype(np.int64)).view(split.n_users, -1)
    scores = model.score(Query(torch.arange(split.n_users)), items).numpy()
    found = [np.corrcoef(row, rank.reshape(split.n_users, -1)[user])[0, 1] for user, row in enumerate(scores)]
    assert np.mean(found) > 0.9


def test_trees_are_stored_as_text(data: FieldData) -> None:
    names = without_context(data.split)
    model = fitted(data.split, use_features=names)
    items = torch.arange(data.split.n_items).expand(data.split.n_users, -1)
    expected = model.score(Query(torch.arange(data.split.n_users)), items)
    (content,) = model.state_dict().values()
    assert content.dtype == torch.uint8
    assert bytes(content.numpy()).startswith(b"tree\n")
    trees = lightgbm.Booster(model_str=model.trees.text()).dump_model()["tree_info"]
    assert model.trees.n_codes() == sum(2 * tree["num_leaves"] - 1 for tree in trees) > 0
    other = fitted(data.split, trees=2, leaves=2, use_features=names)
    copy = deepcopy(model)
    for again in (other, copy):
        again.load_state_dict(model.state_dict())
        torch.testing.assert_close(again.score(Query(torch.arange(data.split.n_users)), items), expected)


def test_context_is_read(data: FieldData) -> None:
    train = data.split.train
    load = np.random.default_rng(0).normal(size=len(train)).astype(np.float32)
    labels = (load > 0).astype(np.float32)
    contexts = {
        "context.hour": np.zeros(len(train), np.int64),
        "context.tags": np.zeros((len(train), 1), np.int64),
        "context.load": load,
    }
    split = replace(data.split, train=replace(train, ratings=labels, context=contexts))
    model = GBDT(GBDTConfig(**SMALL, target="label"), data.spec)
    assert Capability.READS_CONTEXT in model.capabilities()
    model.bind(split)
    model.fit(split, torch.Generator().manual_seed(0))
    scores = model.score(data.query, data.catalog)
    assert bool(((scores > 0).all(1) == (data.query.features["context.load"] > 0)).all())


def test_refusals(data: FieldData) -> None:
    halves = replace(data.split.train, ratings=np.full(len(data.split.train), 0.5, np.float32))
    with pytest.raises(DataError, match=r"whole numbers.*model\.objective=regression"):
        fitted(replace(data.split, train=halves), objective="lambdarank", target="rating")
    with pytest.raises(ConfigError, match=r"needs ratings"):
        fitted(replace(data.split, train=replace(halves, ratings=None)), objective="regression", target="rating")
    for options in ({"threshold": 3.0}, {"leaves": 1}, {"bagging": 0.0}, {"lr": 0.0}, {"negatives": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            GBDTConfig(**options)  # type: ignore[arg-type]

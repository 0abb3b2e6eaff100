"""The feature that a planted taste goes by is kept; the others are read no longer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch

from rexp.api import Query, RawData, StageContext
from rexp.compress.embed.select_features import NoFeature, SelectFeatures, SelectFeaturesConfig, importances
from rexp.compress.surgery import describe_replacements, restore
from rexp.config.recipe import ConfiguredStage, Recipe, StageStep, check_model
from rexp.errors import ConfigError
from rexp.measure.parameter_counts import sizes
from rexp.models.fm import FM, FMConfig
from rexp.models.two_tower import TwoTower, TwoTowerConfig
from rexp.nn.feature_embedding import FeatureEmbedding
from rexp.plugins.choice import Choice
from rexp.prepare.build import build_split
from rexp.prepare.cache import read_folder, write_folder
from rexp.prepare.filter_config import FilterConfig
from rexp.splits.leave_last import LeaveLast, LeaveLastConfig
from rexp.store.weights import load_state, save_model

from .helpers import mf

if TYPE_CHECKING:
    from rexp.data.split import Split

NAMES = ["user.color", "item.genres", "item.maker", "item.year"]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """60 users who take 9 of the 20 items of the genre that their color stands for; year and maker say nothing."""
    random = np.random.default_rng(0)
    rows = [
        (user, user % 2 + 2 * item, time) for user in range(60) for time, item in enumerate(random.permutation(20)[:9])
    ]
    items = pl.DataFrame(
        {
            "item": range(40),
            "genres": ["even|all", "odd"] * 20,
            "maker": [f"m{number}" for number in random.integers(5, size=40)],
            "year": random.normal(size=40),
        }
    )
    users = pl.DataFrame({"user": range(60), "color": ["red", "green"] * 30})
    raw = RawData(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"), items=items, users=users)
    folder = tmp_path_factory.mktemp("features") / "split"
    write_folder(build_split("features", raw, LeaveLast(LeaveLastConfig()), FilterConfig()), folder)
    return read_folder(folder)


def model_of(split: Split, seed: int = 0) -> Any:
    """A model to which the genre is everything, the color half of it, and the rest a hundredth."""
    torch.manual_seed(seed)
    config = TwoTowerConfig(factors=4, layers=(), history_length=2, dropout=0.0, normalize=False, temperature=1.0)
    model = TwoTower(config, split.spec).eval()
    model.bind(split)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.01)
        # The user's tower passes on what the color's vector is: red is as "even", green as "odd".
        model.user_tower[-1].weight[:, 4:] = torch.eye(4)
        model.user_tower[-1].bias.zero_()
        color, genres = model.user_features.features[0].table.weight, model.item_features.features[0].table.weight
        values = split.features()
        for user, side in ((0, 1.0), (1, -1.0)):
            color[int(values["user.color"].values[user])] = torch.tensor([2 * side, 0, 0, 0])
        for item, side in ((0, 1.0), (1, -1.0)):
            for category in values["item.genres"].values[item]:
                if category:
                    genres[int(category)] = torch.tensor([2 * side, 0, 0, 0])
    return model


def selected(model: Any, split: Split, **options: Any) -> Any:
    SelectFeatures(SelectFeaturesConfig(**options)).apply(model, StageContext(split, torch.Generator().manual_seed(0)))
    return model


def read(model: Any) -> list[str]:
    sides = [(model.user_features, model.user_features.names), (model.item_features, model.item_features.names)]
    return [name for side, names in sides for name, part in zip(names, side.features, strict=True) if not _gone(part)]


def _gone(part: torch.nn.Module) -> bool:
    return isinstance(part, NoFeature)


def test_what_the_model_goes_by_is_important(split: Split) -> None:
    model = model_of(split)
    paths = {name: [path] for name, path in zip(NAMES, _paths(), strict=True)}
    before = {name: vectors.clone() for name, vectors in model.state_dict().items()}
    values = model.item_features.features[0].values
    found = importances(model, paths, StageContext(split, torch.Generator().manual_seed(0)), 1000, 3)
    # Half of the shuffled rows fall on their own side; the others turn a margin of 0 or 8 around: 4 halves of 4.
    assert min(found["user.color"], found["item.genres"]) > 1.0
    assert max(abs(found["item.year"]), abs(found["item.maker"])) < 0.05
    assert all(torch.equal(vectors, before[name]) for name, vectors in model.state_dict().items())
    assert model.item_features.features[0].values is values


def _paths() -> list[str]:
    return ["user_features.features.0", *(f"item_features.features.{place}" for place in range(3))]


@pytest.mark.parametrize("keep", [0, 1, 2, 3])
def test_so_many_are_kept(split: Split, keep: int) -> None:
    model = selected(model_of(split), split, keep=keep)
    kept = read(model)
    assert len(kept) == keep
    assert set(kept) <= {"user.color", "item.genres"} or keep == 3
    assert {"user.color", "item.genres"} <= set(kept) or keep < 2


def test_only_what_may_go_goes(split: Split) -> None:
    model = selected(model_of(split), split, keep=1, targets=("item.*",), ignore=("item.year",))
    assert read(model) == ["user.color", "item.genres", "item.year"]


def test_the_others_are_not_read_and_not_stored(split: Split, tmp_path: Path) -> None:
    model, before = selected(model_of(split), split, keep=2), model_of(split)
    specs = split.spec.features
    dropped = specs["item.maker"].cardinality + 1  # a number has one vector
    assert sizes(before)["parameters"] - sizes(model)["parameters"] == 4 * dropped
    with torch.no_grad():
        for place in (1, 2):
            before.item_features.features[place].table.weight.zero_()
    query = split.query(torch.arange(split.n_users), ["train"], 2)
    torch.testing.assert_close(model.score_all(query), before.score_all(query))

    written = save_model(model, tmp_path)
    (tmp_path / "result.json").write_text(json.dumps({"weights": written}))
    described = json.loads(json.dumps(describe_replacements(model, {"select_features": SelectFeatures})))
    assert {part["options"]["feature"] for part in described.values()} == {"item.maker", "item.year"}
    fresh = model_of(split, seed=1)
    restore(fresh, described)
    load_state(fresh, tmp_path)
    assert torch.equal(fresh.score_all(query), model.score_all(query))
    model.train().score(query, torch.zeros(len(query.users), dtype=torch.int64)).sum().backward()


def test_where_nothing_goes_it_is_refused(split: Split) -> None:
    with pytest.raises(ConfigError, match="drops none of the features item"):
        selected(model_of(split), split, keep=4)
    with pytest.raises(ConfigError, match="drops none"):
        selected(model_of(split), split, targets=("item.author",))
    with pytest.raises(ValueError, match="keep"):
        SelectFeaturesConfig(keep=-1)


def test_a_model_without_features_is_refused_before_it_is_fitted() -> None:
    recipe = Recipe((StageStep(ConfiguredStage("it", Choice("stage", "select_features", SelectFeaturesConfig()))),))
    with pytest.raises(ConfigError, match="needs features of users or items"):
        check_model(recipe, mf(), "mf", validated=True)


def test_a_feature_is_dropped_wherever_it_is_read(split: Split) -> None:
    """A factorization machine has a weight and a vector of each: both go, and both count."""
    torch.manual_seed(0)
    model = FM(FMConfig(factors=4, use_features=None), split.spec).eval()
    model.bind(split)
    users, items = torch.arange(60), torch.arange(60) % 40
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
        for part in model.weights.modules():  # the weights alone say nothing
            if isinstance(part, FeatureEmbedding):
                part.table.weight.zero_()
    sides = {"user_features": model.fields.user_features, "item_features": model.fields.item_features}
    paths = {
        name: [f"fields.{side}.features.{place}", f"weights.{side}.features.{place}"]
        for side, features in sides.items()
        for place, name in enumerate(features.names)
    }
    chance = StageContext(split, torch.Generator().manual_seed(0))
    assert all(abs(growth) > 1e-3 for growth in importances(model, paths, chance, 500, 2).values())
    selected(model, split, keep=0)
    assert not [part for part in model.modules() if isinstance(part, FeatureEmbedding)]
    assert model.score(Query(users), items).isfinite().all()

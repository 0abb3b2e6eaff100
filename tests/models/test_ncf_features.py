"""NCF whose tower reads features beside the ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Capability, Query, Split, StageContext
from rexp.compress.embed.factorize import Factorize, FactorizeConfig
from rexp.compress.prune.structured import Structured, StructuredConfig
from rexp.errors import ConfigError
from rexp.export.scorer import scorer_for
from rexp.models.ncf import NCF, NCFConfig
from rexp.prepare.prepare import load_split

from .fields import FieldData, field_data, vector_of
from .helpers import SPEC, check_capabilities, learn

SIZES: dict[str, Any] = {"factors": 2, "layers": (6, 4, 2)}
SIDES = [None, ("user.taste", "user.age"), ("item.genres", "item.year", "item.image")]
"""Categories and numbers of users; sets, numbers and vectors of items."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FieldData:
    return field_data(tmp_path_factory.mktemp("fields"))


def summed(features: Any, model: NCF, data: FieldData, row: int, item: int) -> torch.Tensor:
    """What a side's features come to, by hand; zeros of no width where it reads none."""
    if features is None:
        return torch.zeros(0, dtype=torch.float64)
    fields: Any = model
    return sum((vector_of(fields, data, name, row, item) for name in features.names), torch.zeros(3).double())


@pytest.mark.parametrize("variant", ["mlp", "neumf"])
@pytest.mark.parametrize("names", SIDES)
@torch.no_grad()
def test_the_features_join_the_tower_s_input(data: FieldData, variant: str, names: tuple[str, ...] | None) -> None:
    """The tower over joined inputs, written down plainly for each pair."""
    model: NCF = data.model("ncf", variant=variant, use_features=names, **SIZES)
    assert model.tower is not None
    found = model.score(data.query, data.catalog)
    layers = (
        model.tower.user_layer,
        model.tower.user_feature_layer,
        model.tower.item_layer,
        model.tower.item_feature_layer,
    )
    weight = torch.cat([layer.weight for layer in layers if layer is not None], 1)
    gmf = model.widths[0]
    for row, user in enumerate(data.query.users.tolist()):
        for item in (0, 7, 19):
            p, q = model.users.rows()[user], model.items.rows()[item]
            described = [summed(side, model, data, row, item) for side in (model.user_features, model.item_features)]
            hidden = torch.cat([p[gmf:], described[0], q[gmf:], described[1]])
            hidden = torch.relu(weight @ hidden + model.tower.user_layer.bias)
            hidden = torch.relu(model.tower.layers[0](hidden))
            logit = model.bias + hidden @ dict(model.named_parameters())["mlp_weight"]
            if variant == "neumf":
                logit = logit + (p[:gmf] * q[:gmf]) @ dict(model.named_parameters())["gmf_weight"]
            torch.testing.assert_close(found[row, item], logit)


@pytest.mark.parametrize("names", SIDES)
def test_every_way_to_score_agrees_and_is_trained(data: FieldData, names: tuple[str, ...] | None) -> None:
    model: Any = data.model("ncf", use_features=names, **SIZES)
    matrix = check_capabilities(model, data.spec)
    assert Capability.NEEDS_TRAIN_DATA in model.capabilities()
    # With a gradient, the items' half of the first layer is computed once for the whole table.
    users = torch.randint(data.spec.n_users, (13,), generator=torch.Generator().manual_seed(0))
    scores = model.train().score(Query(users), torch.arange(data.spec.n_items).expand(13, -1))
    torch.testing.assert_close(scores, matrix)
    scores.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_without_features_nothing_is_added() -> None:
    torch.manual_seed(0)
    state = NCF(NCFConfig(**SIZES), SPEC).state_dict()
    weights = ("users.weight", "items.weight", "gmf_weight", "mlp_weight", "bias")
    layers = ("user_layer.weight", "user_layer.bias", "item_layer.weight", "layers.0.weight", "layers.0.bias")
    assert set(state) == {*weights, *(f"tower.{name}" for name in layers)}
    # The data's tables are not asked for.
    assert NCF(NCFConfig(), SPEC).capabilities() == {Capability.SCORES_ALL_ITEMS}


KINDS, COLD = 2, 8
"""Users of a kind take items of that kind; of ``COLD`` items only the table of items tells the kind."""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Split:
    folder, chance = tmp_path_factory.mktemp("kinds"), np.random.default_rng(0)
    taken = [(user, 2 * item + user % 2) for user in range(40) for item in chance.permutation(16)[:8]]
    tested = [(user, 32 + user % COLD) for user in range(40)]
    items = [f"{item},{'even' if item % 2 == 0 else 'odd'}" for item in range(32 + COLD)]
    for name, lines in (("train", taken), ("test", tested)):
        rows = [f"{user},{item}" for user, item in lines]
        (folder / f"{name}.csv").write_text("\n".join(["user,item", *rows]) + "\n")
    (folder / "items.csv").write_text("\n".join(["item,kind", *items]) + "\n")
    files = {name: str(folder / f"{name}.csv") for name in ("train", "test", "items")}
    policy = {"item.kind": {"kind": "category"}}
    node: dict[str, Any] = {"name": "csv", "split": {"name": "given"}, "filter": {}, "features": policy, **files}
    return load_split(node, None, folder / "cache")


@pytest.mark.parametrize(("names", "low", "high"), [(("item.kind",), 0.85, 1.0), ((), 0.3, 0.7)])
def test_what_only_a_feature_tells_is_found_with_it_alone(
    kinds: Split, names: tuple[str, ...], low: float, high: float
) -> None:
    """How often a cold item of the user's kind stands before one of the other."""
    torch.manual_seed(0)
    model = NCF(NCFConfig(use_features=names), kinds.spec)
    if names:
        model.bind(kinds)
    learn(model, kinds)
    ids = kinds.items_table()["item"].cast(int).to_numpy()
    own = kinds.user_ids().cast(int).to_numpy()[:, None] % 2 == ids % 2
    cold = np.flatnonzero(kinds.train_users_per_item == 0)
    assert len(cold) == COLD
    with torch.no_grad():
        scores = model.score_all(Query(torch.arange(kinds.n_users))).numpy()[:, cold]
    pairs = own[:, cold, None] & ~own[:, None, cold]
    assert low <= (scores[:, :, None] > scores[:, None, :])[pairs].mean() <= high


@torch.no_grad()
def test_stages_narrow_tables_and_layers_and_leave_the_features_in(data: FieldData) -> None:
    model: NCF = data.model("ncf", torch.float32, use_features=None, factors=4)
    everybody = Query(data.query.users)
    before = model.score_all(everybody)
    context = StageContext(data.split, torch.Generator().manual_seed(0))
    Factorize(FactorizeConfig(keep=1.0)).apply(model, context)
    torch.testing.assert_close(model.score_all(everybody), before, rtol=1e-4, atol=1e-2)
    # Units that nothing reads any more go first, from every layer that makes them.
    for group in model.hidden_units():
        taker: Any = model.get_submodule(group.taker)
        taker.weight[:, taker.in_features // 2 :] = 0
    before = model.score_all(everybody)
    Structured(StructuredConfig(keep=0.5)).apply(model, context)
    makers = model.hidden_units()[0].makers
    assert len(makers) == 4
    assert {model.get_submodule(path).out_features for path in makers} == {8}
    torch.testing.assert_close(model.score_all(everybody), before, rtol=1e-4, atol=1e-2)


def test_a_fusion_takes_the_features_along(data: FieldData) -> None:
    parts = {"gmf": data.model("ncf", variant="gmf", **SIZES | {"layers": None})}
    parts["mlp"] = data.model("ncf", variant="mlp", use_features=None, **SIZES)
    model: NCF = data.model("ncf", use_features=None, **SIZES)
    model.init_from_models(parts)
    expected = (parts["gmf"].score_all(data.query) + parts["mlp"].score_all(data.query)) / 2
    torch.testing.assert_close(model.score_all(data.query), expected)
    with pytest.raises(ConfigError, match=r"init_from\.mlp has use_features=null; wanted is use_features=\[\]"):
        data.model("ncf", **SIZES).init_from_models(parts)


def test_what_cannot_be_read_is_one_line(data: FieldData) -> None:
    with pytest.raises(ValueError, match="variant=gmf has no tower that could read use_features"):
        NCFConfig(variant="gmf", use_features=("item.genres",))
    with pytest.raises(ConfigError, match=r"'context\.hour' is a context; leave it out"):
        NCF(NCFConfig(use_features=("context.hour",)), data.spec)
    with pytest.raises(ConfigError, match=r"two_tower reads .* 'context\.hour' is a context"):
        data.model("two_tower", use_features=("context.hour",))
    with pytest.raises(ConfigError, match=r"the data has no feature 'item\.genre'"):
        NCF(NCFConfig(use_features=("item.genre",)), data.spec)
    with pytest.raises(ConfigError, match="needs more than its weights to score"):
        scorer_for(data.model("ncf", use_features=None), data.split, "ncf")

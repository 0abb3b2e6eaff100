"""Hidden units that are taken out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import Capability, StageContext
from rexp.compress.prune.structured import Structured, StructuredConfig
from rexp.compress.surgery import describe_replacements, restore
from rexp.models.deepfm import DeepFM, DeepFMConfig
from rexp.models.multvae import MultVAE, MultVAEConfig
from rexp.models.ncf import NCF, NCFConfig
from rexp.models.sasrec import SASRec, SASRecConfig
from rexp.models.two_tower import TwoTower, TwoTowerConfig
from rexp.train.stage_hooks import queries_of
from tests.compress.embed.helpers import SPLIT

MODELS = {
    "mlp": lambda: NCF(NCFConfig("mlp", factors=8), SPLIT.spec),
    "neumf": lambda: NCF(NCFConfig("neumf", factors=8), SPLIT.spec),
    "two_tower": lambda: TwoTower(TwoTowerConfig(factors=16, layers=(32, 24), item_layers=(12,)), SPLIT.spec),
    "deepfm": lambda: DeepFM(DeepFMConfig(factors=8, layers=(32, 16)), SPLIT.spec),
    "multvae": lambda: MultVAE(MultVAEConfig(hidden=(32, 16), latent=8), SPLIT.spec),
    "sasrec": lambda: SASRec(SASRecConfig(factors=16, history_length=10), SPLIT.spec),
}


def model_of(name: str) -> Any:
    torch.manual_seed(0)
    model: Any = MODELS[name]()
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(SPLIT)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


def context() -> StageContext:
    return StageContext(SPLIT, torch.Generator().manual_seed(0))


@torch.no_grad()
def scores(model: Any) -> torch.Tensor:
    query = queries_of(model, SPLIT)(torch.arange(SPLIT.n_users))
    found: torch.Tensor = model.score(query, torch.arange(SPLIT.n_items).expand(SPLIT.n_users, -1))
    return found


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("by", ["weight", "activation"])
def test_taking_out_is_what_zeros_in_the_next_layer_would_be(name: str, by: Any) -> None:
    model, masked = model_of(name), model_of(name)
    before = {group.taker: model.get_submodule(group.taker).in_features for group in model.hidden_units()}
    Structured(StructuredConfig(keep=0.5, by=by)).apply(model, context())
    for group in model.hidden_units():
        taker, wide = model.get_submodule(group.taker), masked.get_submodule(group.taker)
        assert taker.in_features == round(before[group.taker] / 2)
        assert all(model.get_submodule(path).out_features == taker.in_features for path in group.makers)
        rows = {tuple(row.tolist()) for path in group.makers[:1] for row in model.get_submodule(path).weight}
        full = masked.get_submodule(group.makers[0])
        columns = range(len(full.weight))
        inputs = model.get_submodule(group.makers[0]).in_features
        if inputs == full.in_features:  # its own inputs are all there: rows tell which units stayed
            gone = [unit for unit in columns if tuple(full.weight[unit].tolist()) not in rows]
            with torch.no_grad():
                wide.weight[:, gone] = 0
    if len(model.hidden_units()) == 1 or name == "sasrec":
        torch.testing.assert_close(scores(model), scores(masked))
    assert scores(model).isfinite().all()


@pytest.mark.parametrize("name", MODELS)
def test_a_unit_that_nothing_reads_goes_first_and_nothing_changes(name: str) -> None:
    model = model_of(name)
    with torch.no_grad():
        for group in model.hidden_units():
            taker = model.get_submodule(group.taker)
            taker.weight[:, : taker.in_features // 2] = 0
    before = scores(model)
    for by in ("weight", "activation"):
        fresh = model_of(name)
        fresh.load_state_dict(model.state_dict())
        Structured(StructuredConfig(keep=0.5, by=by)).apply(fresh, context())  # type: ignore[arg-type]
        torch.testing.assert_close(scores(fresh), before, rtol=1e-4, atol=1e-5)
        if Capability.SCORES_ALL_ITEMS in fresh.capabilities():
            query = queries_of(fresh, SPLIT)(torch.arange(SPLIT.n_users))
            with torch.no_grad():
                torch.testing.assert_close(fresh.score_all(query), before, rtol=1e-4, atol=1e-5)
        again = model_of(name)
        restore(again, describe_replacements(fresh, {"structured": Structured}))
        again.load_state_dict(fresh.state_dict())
        assert torch.equal(scores(again), scores(fresh))


def test_all_that_stays_is_nothing_done() -> None:
    model = model_of("mlp")
    modules = list(model.modules())
    Structured(StructuredConfig(keep=1.0)).apply(model, context())
    assert list(model.modules()) == modules
    with pytest.raises(ValueError, match="keep=0"):
        StructuredConfig(keep=0.0)

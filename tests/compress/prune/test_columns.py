"""Columns that are taken out of tables."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import Capability, Query
from rexp.compress.prune._importance import training_sample
from rexp.compress.prune.columns import Columns, ColumnsConfig
from rexp.compress.surgery import describe_replacements, restore
from rexp.errors import ConfigError, RunError
from rexp.models.lightgcn import LightGCN, LightGCNConfig
from rexp.models.ncf import NCF, NCFConfig
from tests.compress.embed.helpers import SPLIT, context, mf

EVERYONE = torch.arange(SPLIT.n_users)
MODELS: dict[str, Any] = {
    "mf": lambda: mf(factors=12),
    "biased": lambda: mf(factors=12, user_bias=True, item_bias=True, global_bias=True),
    "gmf": lambda: NCF(NCFConfig("gmf", factors=8), SPLIT.spec),
    "mlp": lambda: NCF(NCFConfig("mlp", factors=8), SPLIT.spec),
    "neumf": lambda: NCF(NCFConfig("neumf", factors=8), SPLIT.spec),
    "lightgcn": lambda: LightGCN(LightGCNConfig(factors=12, layers=2), SPLIT.spec),
}


def model_of(name: str) -> Any:
    torch.manual_seed(0)
    model = MODELS[name]()
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(SPLIT)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.train().eval()


@torch.no_grad()
def scores(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.score(Query(EVERYONE), torch.arange(SPLIT.n_items).expand(SPLIT.n_users, -1))
    return found


def narrowed(model: Any, **options: Any) -> Any:
    Columns(ColumnsConfig(**options)).apply(model, context())
    return model


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("by", ["weight", "activation"])
def test_taking_out_is_what_zeros_would_be(name: str, by: str) -> None:
    model, masked = narrowed(model_of(name), keep=0.5, by=by), model_of(name)
    for table in ("users", "items"):
        wide, kept = masked.get_submodule(table).weight, model.get_submodule(table).weight
        stay = {tuple(column.tolist()) for column in kept.T}
        gone = [place for place, column in enumerate(wide.T) if tuple(column.tolist()) not in stay]
        assert len(gone) == wide.shape[1] - kept.shape[1] > 0
        with torch.no_grad():
            wide[:, gone] = 0
    masked.train().eval()  # what was made of the tables before is forgotten
    torch.testing.assert_close(scores(model), scores(masked), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(model.score_all(Query(EVERYONE)), scores(model), rtol=1e-4, atol=1e-5)
    again = model_of(name)
    restore(again, describe_replacements(model, {"columns": Columns}))
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(scores(again.train().eval()), scores(model), rtol=0, atol=0)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("by", ["weight", "activation"])
def test_columns_that_add_nothing_go_first(name: str, by: str) -> None:
    model = model_of(name)
    with torch.no_grad():
        for reader in model.coupled_parameters():
            start, stop = getattr(reader, "columns", (0, 12))
            for table in (getattr(reader, "table", "items"), getattr(reader, "table", "users")):
                model.get_submodule(table).weight[:, start : (start + stop) // 2] = 0
    model.train().eval()
    before = scores(model)
    torch.testing.assert_close(scores(narrowed(model, keep=0.5, by=by)), before, rtol=1e-4, atol=1e-5)


def test_activations_look_at_what_is_added_for_those_who_were_trained_on() -> None:
    """A column is long, but only for users and items that never meet."""
    model = model_of("mf")
    users, items = training_sample(context())
    with torch.no_grad():
        model.users.weight[:, 0] = 0
        model.users.weight[0, 0] = 100.0
        model.items.weight[:, 0] = 1.0
        model.items.weight[items[users == 0], 0] = 0.0
    first = model.items.weight[:, 0].tolist()
    assert first in narrowed(model_with(model), keep=0.5, by="weight").items.weight.T.tolist()
    assert first not in narrowed(model_with(model), keep=0.5, by="activation").items.weight.T.tolist()


def model_with(other: Any) -> Any:
    model = model_of("mf")
    model.load_state_dict(other.state_dict())
    return model


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(ValueError, match="keep=0"):
        ColumnsConfig(keep=0.0)
    with pytest.raises(ConfigError, match="reads items, users together; chosen and dense are users"):
        narrowed(model_of("mf"), ignore=("items",))
    broken = model_of("mf")
    with torch.no_grad():
        broken.users.weight[0, 0] = torch.nan
    with pytest.raises(RunError, match="users holds values that are not finite"):
        narrowed(broken)

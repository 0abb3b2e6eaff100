"""Weights that are one: trained, stored and swapped as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Batch
from rexp.compress.embed.tie import RepeatedTable, Tie, TieConfig, TransposedLinear
from rexp.compress.quantize.int8_linear import Int8Linear, Int8LinearConfig
from rexp.compress.quantize.rowwise import Rowwise, RowwiseConfig
from rexp.compress.surgery import describe_replacements, restore
from rexp.errors import ConfigError
from rexp.measure.parameter_counts import sizes
from rexp.models.cdae import CDAE, CDAEConfig
from rexp.models.ncf import NCF, NCFConfig
from rexp.models.two_tower import TwoTower, TwoTowerConfig
from rexp.store.weights import load_state, save_model

from .helpers import SPLIT, context, mf

HISTORIES = SPLIT.query(torch.arange(60), ["train"], 5)
OWNERS = {"tie": Tie, "rowwise": Rowwise, "int8_linear": Int8Linear}


def two_tower(seed: int = 0) -> TwoTower:
    torch.manual_seed(seed)
    return TwoTower(TwoTowerConfig(factors=8, share_items=False), SPLIT.spec).eval()


def neumf(seed: int = 0) -> NCF:
    torch.manual_seed(seed)
    return NCF(NCFConfig(factors=4, layers=(8, 4)), SPLIT.spec).eval()


def cdae(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    model = CDAE(CDAEConfig(factors=6), SPLIT.spec).eval()
    model.bind(SPLIT)
    return model


def tied(model: Any, **options: Any) -> Any:
    Tie(TieConfig(**options)).apply(model, context())
    return model


MODELS: dict[str, Any] = {"two_tower": (two_tower, {}), "neumf": (neumf, {}), "cdae": (cdae, {"kinds": ("layers",)})}


def test_a_history_reads_the_items_own_vectors() -> None:
    model, before = tied(two_tower()), two_tower()
    assert model.history is model.items
    assert sizes(before)["tensor_bytes"] - sizes(model)["tensor_bytes"] == 43 * 8 * 4
    before.history.assign(before.items.rows())
    torch.testing.assert_close(model.score_all(HISTORIES), before.score_all(HISTORIES))


def test_neumf_s_parts_read_the_same_vectors() -> None:
    model, before = tied(neumf()), neumf()
    assert isinstance(model.users, RepeatedTable)
    assert sizes(before)["parameters"] - sizes(model)["parameters"] == (60 + 43) * 4
    for table in (before.users, before.items):
        table.assign(table.rows()[:, :4].repeat(1, 2))
    torch.testing.assert_close(model.score_all(HISTORIES), before.score_all(HISTORIES))


def test_a_decoder_is_its_encoder_turned_around() -> None:
    model, before = tied(cdae(), kinds=("layers",)), cdae()
    assert isinstance(model.output, TransposedLinear)
    assert sizes(before)["parameters"] - sizes(model)["parameters"] == 43 * 6
    with torch.no_grad():
        before.output.weight.copy_(before.hidden.weight.T)
    torch.testing.assert_close(model.score_all(HISTORIES), before.score_all(HISTORIES))
    torch.testing.assert_close(model.item_embeddings(), before.item_embeddings())
    # Both uses move the one matrix.
    model.train().training_loss(Batch(HISTORIES, torch.zeros(60, 0, dtype=torch.int64))).backward()
    assert model.output.layer.weight.grad is model.hidden.weight.grad
    assert model.output.bias.grad is not None


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("quantized", [False, True])
def test_it_comes_back_from_the_disk_as_one(name: str, quantized: bool, tmp_path: Path) -> None:
    make, options = MODELS[name]
    model = tied(make(), **options)
    if quantized and name == "cdae":
        Int8Linear(Int8LinearConfig()).apply(model, context())
    elif quantized:
        Rowwise(RowwiseConfig()).apply(model, context())
    written = save_model(model, tmp_path)
    (tmp_path / "result.json").write_text(json.dumps({"weights": written}))
    assert written["bytes"] < sizes(model)["tensor_bytes"] + 4000  # names and shapes of the tensors

    described = json.loads(json.dumps(describe_replacements(model, OWNERS)))
    for order in (described, dict(sorted(described.items()))):
        fresh = make(seed=1)
        restore(fresh, order)
        load_state(fresh, tmp_path)
        assert sizes(fresh) == sizes(model)
        assert torch.equal(fresh.score_all(HISTORIES), model.score_all(HISTORIES))
    if name == "two_tower":
        assert fresh.history is fresh.items


def test_a_training_step_moves_both_uses() -> None:
    model = tied(two_tower()).train()
    before = model.items.rows().detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model.score(HISTORIES, torch.from_numpy(np.arange(60) % 43)).sum().backward()
    optimizer.step()
    assert model.history is model.items
    assert not torch.equal(model.history.rows(), before)


def test_where_nothing_can_be_tied_it_is_refused() -> None:
    for model in (mf(), two_tower()):
        with pytest.raises(ConfigError, match="has nothing to tie"):
            tied(model, ignore=("*",))
    with pytest.raises(ConfigError, match="MF has nothing to tie"):
        tied(mf(), kinds=("tables", "columns", "layers"), targets=("*",))

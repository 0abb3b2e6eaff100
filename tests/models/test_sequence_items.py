"""Sequential models over vectors of items, beside ids or in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rexp.api import Capability, Query
from rexp.export.scorer import scorer_for
from rexp.models.gru4rec import GRU4Rec, GRU4RecConfig
from rexp.models.sasrec import SASRec, SASRecConfig

from .described import described
from .helpers import shaken

HISTORY = torch.tensor([[-1, 0, 1], [2, 3, 0], [-1, -1, -1], [-1, -1, 4]])
MODELS: dict[str, Any] = {"sasrec": (SASRec, SASRecConfig), "gru4rec": (GRU4Rec, GRU4RecConfig)}
both = pytest.mark.parametrize("name", MODELS)


def made(folder: Path, name: str, **options: Any) -> Any:
    model_class, config_class = MODELS[name]
    split = described(folder, pictures=True)
    model = model_class(config_class(factors=6, history_length=3, item_vectors="item.picture", **options), split.spec)
    model.bind(split)
    return shaken(model)


@both
@pytest.mark.parametrize("use_ids", [True, False])
@torch.no_grad()
def test_every_way_to_score_agrees_and_cold_items_have_no_id(name: str, use_ids: bool, tmp_path: Path) -> None:
    model = made(tmp_path, name, use_ids=use_ids)
    query, items = Query(torch.arange(4), HISTORY), torch.arange(7).expand(4, -1)
    matrix = model.score_all(query)
    torch.testing.assert_close(model.score(query, items), matrix)
    torch.testing.assert_close(model.user_embeddings(query) @ model.item_embeddings().T, matrix)
    assert model.capabilities() >= {Capability.COLD_ITEMS, Capability.NEEDS_TRAIN_DATA, Capability.SEQUENTIAL}
    exported, _ = scorer_for(model, described(tmp_path, pictures=True), name)
    torch.testing.assert_close(exported(query.users, items, HISTORY), matrix)
    column = model.items.column
    mapped = column.map(column.values.double())
    torch.testing.assert_close(model.items.rows()[5:], mapped[5:])
    ids = model.items.ids
    assert (ids is not None) == use_ids
    torch.testing.assert_close(model.items.rows()[:5], mapped[:5] + ids.rows()[:5] if use_ids else mapped[:5])


@both
def test_all_of_it_is_trained(name: str, tmp_path: Path) -> None:
    model = made(tmp_path, name).train()
    sequence = Query(torch.arange(4), HISTORY)
    model.score_sequence(sequence, torch.arange(5).expand(4, 3, 5)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.items.parameters())
    model_class, config_class = MODELS[name]
    plain = model_class(config_class(), described(tmp_path).spec)
    assert not {Capability.COLD_ITEMS, Capability.NEEDS_TRAIN_DATA} & plain.capabilities()
    assert "items.weight" in plain.state_dict()
    with pytest.raises(ValueError, match="use_ids"):
        config_class(use_ids=False)

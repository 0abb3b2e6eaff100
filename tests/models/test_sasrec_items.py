"""SASRec over vectors of items, beside ids or in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rexp.api import Capability, Query
from rexp.models.sasrec import SASRec, SASRecConfig

from .described import described
from .helpers import shaken

HISTORY = torch.tensor([[-1, 0, 1], [2, 3, 0], [-1, -1, -1], [-1, -1, 4]])


def made(folder: Path, **options: Any) -> SASRec:
    split = described(folder, pictures=True)
    config = SASRecConfig(factors=6, history_length=3, item_vectors="item.picture", **options)
    model = SASRec(config, split.spec)
    model.bind(split)
    shaken(model)
    return model


@pytest.mark.parametrize("use_ids", [True, False])
@torch.no_grad()
def test_every_way_to_score_agrees_and_cold_items_have_no_id(use_ids: bool, tmp_path: Path) -> None:
    model = made(tmp_path, use_ids=use_ids)
    query, items = Query(torch.arange(4), HISTORY), torch.arange(7).expand(4, -1)
    matrix = model.score_all(query)
    torch.testing.assert_close(model.score(query, items), matrix)
    torch.testing.assert_close(model.user_embeddings(query) @ model.item_embeddings().T, matrix)
    assert model.capabilities() >= {Capability.COLD_ITEMS, Capability.NEEDS_TRAIN_DATA, Capability.SEQUENTIAL}
    column: Any = model.items.column  # type: ignore[union-attr]
    mapped = column.map(column.values.double())
    torch.testing.assert_close(model.items.rows()[5:], mapped[5:])
    ids: Any = model.items.ids  # type: ignore[union-attr]
    assert (ids is not None) == use_ids
    torch.testing.assert_close(model.items.rows()[:5], mapped[:5] + ids.rows()[:5] if use_ids else mapped[:5])


def test_all_of_it_is_trained(tmp_path: Path) -> None:
    model = made(tmp_path).train()
    sequence = Query(torch.arange(4), HISTORY)
    model.score_sequence(sequence, torch.arange(5).expand(4, 3, 5)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.items.parameters())
    assert Capability.COLD_ITEMS not in SASRec(SASRecConfig(), described(tmp_path).spec).capabilities()
    with pytest.raises(ValueError, match="use_ids"):
        SASRecConfig(use_ids=False)

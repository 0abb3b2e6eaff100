"""What is done to a model before it is exported: layers multiplied out, rows of few bits laid out anew."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch

from rexp.api import Query
from rexp.compress.quantize.rowwise import RowwiseTable
from rexp.export.dense_tables import SplitRows
from rexp.export.fold import fold_layers
from rexp.models.mf import MF, MFConfig
from rexp.models.ncf import NCF, NCFConfig
from rexp.nn.surgery import replace_module
from tests.models.helpers import SPEC, shaken

USERS, ITEMS = torch.tensor([2, 5]), torch.tensor([[0, 7, 3], [10, 1, 1]])


def scores(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.score(Query(USERS), ITEMS)
    return found


@pytest.mark.parametrize("variant", ["mlp", "neumf"])
def test_rows_hold_what_the_first_layer_makes_of_them(variant: Any) -> None:
    model = shaken(NCF(NCFConfig(variant=variant, factors=2), SPEC))
    folded = deepcopy(model)
    fold_layers(folded)
    gmf = model.widths[0]
    layer, items = model.tower.item_layer, model.items.rows()
    torch.testing.assert_close(folded.items.rows()[:, gmf:], items[:, gmf:] @ layer.weight.T)
    user_layer, users = model.tower.user_layer, model.users.rows()
    torch.testing.assert_close(folded.users.rows()[:, gmf:], users[:, gmf:] @ user_layer.weight.T + user_layer.bias)
    assert torch.equal(folded.users.rows()[:, :gmf], users[:, :gmf])
    torch.testing.assert_close(scores(folded), scores(model))
    assert not any("item_layer" in name or "user_layer" in name for name in folded.state_dict())


def test_a_layer_with_more_outputs_than_inputs_stays() -> None:
    model = shaken(NCF(NCFConfig(variant="mlp", factors=3, layers=(8, 5, 3)), SPEC))  # 4 columns a side, 5 outputs
    before = {name: values.clone() for name, values in model.state_dict().items()}
    fold_layers(model)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[name], values) for name, values in model.state_dict().items())


def test_a_compressed_table_keeps_its_layer_and_the_other_side_is_folded() -> None:
    model = shaken(NCF(NCFConfig(factors=2), SPEC), dtype=torch.float32)
    table = RowwiseTable(*model.items.weight.shape, 8)
    table.take(model.items.rows().detach(), "none")
    replace_module(model, "items", table)
    expected = scores(model)
    fold_layers(model)
    assert model.items is table
    assert "tower.item_layer.weight" in model.state_dict()
    assert "tower.user_layer.weight" not in model.state_dict()
    torch.testing.assert_close(scores(model), expected)


def test_a_table_that_another_part_reads_too_stays() -> None:
    model = shaken(NCF(NCFConfig(factors=2), SPEC))
    model.register_parameter("also", model.items.weight)
    expected = scores(model)
    fold_layers(model)
    assert model.items.weight is model.also
    assert "tower.item_layer.weight" in model.state_dict()
    torch.testing.assert_close(scores(model), expected)


def test_a_dot_product_has_nothing_to_fold() -> None:
    model = shaken(MF(MFConfig(factors=3), SPEC))
    before = scores(model)
    fold_layers(model)
    assert torch.equal(scores(model), before)


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("dim", [1, 13, 16])
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_split_rows_are_the_table_s(bits: int, dim: int, columns: bool) -> None:
    rows = torch.randn(30, dim, generator=torch.Generator().manual_seed(dim))
    table = RowwiseTable(30, dim, bits, columns)
    table.take(rows, "none")
    split = SplitRows(table)
    ids = torch.tensor([[3, 29], [0, 3], [7, 7]])
    torch.testing.assert_close(split(ids), table(ids))
    torch.testing.assert_close(split.rows(), table.rows())
    assert split.nbytes() == table.nbytes()

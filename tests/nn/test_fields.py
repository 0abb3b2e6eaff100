"""Vectors of fields against tables read by hand; vectors as a kind; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import DataSpec, Feature, FeatureSpec, FieldEmbeddings, Init, Query
from rexp.errors import ConfigError
from tests.models.fields import FieldData, field_data, vectors_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FieldData:
    return field_data(tmp_path_factory.mktemp("fields"))


def fields_of(data: FieldData, dim: int = 3, **options: Any) -> FieldEmbeddings:
    torch.manual_seed(0)
    fields = FieldEmbeddings(data.spec, dim, Init("normal", 1.0), **options)
    fields.bind(data.split.features())
    return fields


@torch.no_grad()
def test_every_field_is_read_from_its_table(data: FieldData) -> None:
    fields = fields_of(data)
    assert fields.names[:1] == ["user"]
    assert set(fields.names) == {"user", "item", *data.spec.features}
    items = torch.tensor([[0, 7], [19, 3], [5, 5], [1, 2], [0, 19], [4, 6]])
    found = fields(data.query, items)
    assert found.shape == (6, 2, len(fields.names), 3)
    for row in range(6):
        for place in range(2):
            expected = torch.stack(vectors_of(fields, data, row, int(items[row, place])))
            torch.testing.assert_close(found[row, place], expected)
    torch.testing.assert_close(fields(data.query, items[:, 1]), found[:, 1:])
    torch.testing.assert_close(fields.catalog()[items], found[:, :, len(fields.user_names) :])


@torch.no_grad()
def test_chosen_fields(data: FieldData) -> None:
    fields = fields_of(data, use_features=("item.genres", "context.hour"), use_user_id=False)
    assert fields.names == ["context.hour", "item", "item.genres"]
    assert fields.reads_context
    assert fields.reads_features
    assert not fields_of(data, use_features=()).reads_features
    other = Query(torch.zeros_like(data.query.users), features=data.query.features)
    torch.testing.assert_close(fields.user_side(other), fields.user_side(data.query))


def test_gradients_reach_every_table(data: FieldData) -> None:
    fields = fields_of(data)
    fields(data.query, data.catalog).square().sum().backward()
    for name, table in fields.named_parameters():
        assert table.grad is not None, name
        assert table.grad.abs().sum() > 0, name


@torch.no_grad()
def test_a_vector_goes_through_a_linear_map() -> None:
    spec = FeatureSpec("item", "vector", 0, dim=4)
    fields = FieldEmbeddings(DataSpec(2, 3, 1, {"item.image": spec}), 2, Init("normal", 1.0), use_item_id=False)
    values = np.arange(12, dtype=np.float16).reshape(3, 4)
    fields.bind({"item.image": Feature(spec, values)})
    (table,) = (part.table for part in fields.item_features.features)
    assert table.rows().shape == (4, 2)
    expected = torch.tensor(values).float() @ table.rows()
    torch.testing.assert_close(fields.catalog()[:, 0], expected)


@torch.no_grad()
def test_nothing_asked(data: FieldData) -> None:
    fields = fields_of(data)
    assert fields(data.query, torch.zeros(6, 0, dtype=torch.int64)).shape == (6, 0, len(fields.names), 3)


def test_refusals(data: FieldData) -> None:
    with pytest.raises(ConfigError, match=r"'item\.genre'.*item\.genres"):
        fields_of(data, use_features=("item.genre",))
    with pytest.raises(ConfigError, match=r"nothing of the user is read.*use_user_id"):
        fields_of(data, use_features=(), use_user_id=False)
    with pytest.raises(ConfigError, match=r"context\.hour.*does not have"):
        fields_of(data).user_side(Query(data.query.users))

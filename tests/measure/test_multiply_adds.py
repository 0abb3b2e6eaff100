"""Multiply-adds of built-in models, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from rexp.measure.costs import scorer_of
from rexp.measure.multiply_adds import _count as count
from rexp.measure.multiply_adds import median_user, multiply_adds
from rexp.models.ease import EASE, EASEConfig
from rexp.models.gru4rec import GRU4Rec, GRU4RecConfig
from rexp.models.lightgcn import LightGCN, LightGCNConfig
from rexp.models.mf import MF, MFConfig
from rexp.models.ncf import NCF, NCFConfig
from rexp.models.sasrec import SASRec, SASRecConfig
from tests.models.helpers import two_tastes

if TYPE_CHECKING:
    from rexp.data.split import Split

ITEMS = 31


@pytest.fixture(scope="module")
def split() -> Split:
    return two_tastes(n_items=ITEMS)


def counted(model: Any, split: Split) -> tuple[int, int]:
    found = multiply_adds(scorer_of(model, split, ["train"], torch.device("cpu")))
    return found["multiply_adds_pair"], found["multiply_adds_catalogue"]


def test_mf(split: Split) -> None:
    # The bias of an item is added to one score; in the catalogue's product it is a coordinate more.
    assert counted(MF(MFConfig(factors=6), split.spec), split) == (6, 7 * ITEMS)


@pytest.mark.parametrize(
    ("variant", "pair", "catalogue"),
    [
        ("gmf", 8, 9 * ITEMS),
        # 8 + 8 numbers in, then 10 and 8; the weights of the prediction. A user's half is computed once.
        ("mlp", 2 * 8 * 10 + 10 * 8 + 8, 8 * 10 + ITEMS * (8 * 10 + 11 * 8 + 8)),
        ("neumf", 8 + 2 * 8 * 10 + 10 * 8 + 8, 8 * 10 + ITEMS * (8 + 8 * 10 + 11 * 8 + 8)),
    ],
)
def test_ncf(split: Split, variant: Any, pair: int, catalogue: int) -> None:
    """In the catalogue's pass a bias of a layer is one more column of it: 11 instead of 10."""
    model = NCF(NCFConfig(variant=variant, factors=8, layers=None if variant == "gmf" else (16, 10, 8)), split.spec)
    assert counted(model, split) == (pair, catalogue)


def test_what_lightgcn_keeps_is_no_part_of_a_request(split: Split) -> None:
    model = LightGCN(LightGCNConfig(factors=5), split.spec)
    model.bind(split)
    assert counted(model, split) == (5, 5 * ITEMS)


def test_recurrent_cells(split: Split) -> None:
    model = GRU4Rec(GRU4RecConfig(factors=4, hidden=5, history_length=8), split.spec)
    cells = 8 * 3 * 5 * (4 + 5)  # eight items were taken; three gates read the item and the state
    output = 8 * 5 * 4
    assert counted(model, split) == (cells + output + 4, cells + output + 4 * ITEMS)


def test_attention(split: Split) -> None:
    model = SASRec(SASRecConfig(factors=4, blocks=1, history_length=8), split.spec)
    linear, attention = 8 * 5 * 4 * 4, 2 * 8 * 8 * 4  # five layers; queries with keys, weights with values
    assert counted(model, split)[0] == linear + attention + 4


def test_products_of_scipy_are_not_counted_as_none(split: Split) -> None:
    model = EASE(EASEConfig(), split.spec)
    model.bind(split)
    assert multiply_adds(scorer_of(model, split, ["train"], torch.device("cpu"))) == {}


def test_the_median_user_is_asked() -> None:
    split = two_tastes(n_users=5)
    object.__setattr__(split, "user_items", lambda parts: (torch.tensor([0, 9, 10, 14, 20, 22]).numpy(), None))
    model = MF(MFConfig(factors=2), split.spec)
    assert median_user(scorer_of(model, split, ["train"], torch.device("cpu"))).tolist() == [2]  # 9 1 4 6 2


@pytest.mark.parametrize(
    ("layer", "products"),
    [
        (nn.LSTM(32, 32, batch_first=True), 10 * 4 * 32 * 64),
        (
            nn.TransformerEncoderLayer(32, 4, 64, batch_first=True),
            10 * 4 * 32 * 32 + 2 * 10 * 10 * 32 + 2 * 10 * 32 * 64,
        ),
        (nn.Conv1d(10, 16, 3), 16 * 30 * 10 * 3),
    ],
)
def test_layers_of_torch_by_hand(layer: nn.Module, products: int) -> None:
    inputs, before = torch.randn(1, 10, 32), torch.backends.mkldnn.enabled
    layer.eval()
    assert count(lambda: layer(inputs)) == products
    assert torch.backends.mkldnn.enabled == before

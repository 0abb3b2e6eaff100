"""Every stage that swaps tables, with options that make the small models here smaller."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rexp.api import StageContext
from rexp.compress.embed.ce import Compositional
from rexp.compress.embed.cluster import Cluster
from rexp.compress.embed.dhe import DeepHash
from rexp.compress.embed.hash import Hash
from rexp.compress.embed.lowrank import LowRank
from rexp.compress.embed.mixed_dim import MixedDimension
from rexp.compress.embed.qr import QR
from rexp.compress.embed.svd import TruncatedSVD
from rexp.compress.embed.tt import TensorTrain
from rexp.compress.quantize.half import Half
from rexp.compress.quantize.pq import ProductQuantization
from rexp.compress.quantize.rowwise import Rowwise
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.models.mf import MF, MFConfig
from rexp.models.ncf import NCF, NCFConfig

BUILD: dict[str, tuple[Any, dict[str, Any]]] = {
    "hash": (Hash, {"budget": 1.2}),
    "ce": (Compositional, {"budget": 1.5}),
    "qr": (QR, {"budget": 2.0}),
    "lowrank": (LowRank, {"budget": 2.0}),
    "tt": (TensorTrain, {"budget": 2.0}),
    "dhe": (DeepHash, {"budget": 1.5}),
    "mixed_dim": (MixedDimension, {"budget": 2.0, "blocks": 3}),
}
POST: dict[str, tuple[Any, dict[str, Any]]] = {
    "svd": (TruncatedSVD, {"budget": 1.5}),
    "cluster": (Cluster, {"budget": 1.5}),
    "rowwise": (Rowwise, {"bits": 4}),
    "pq": (ProductQuantization, {"bits": 4, "budget": 1.2}),
    "half": (Half, {}),
}
STAGES = BUILD | POST


def split_of(n_users: int = 60, n_items: int = 43) -> Split:
    """Popularity falls with the id; no user takes the last item."""
    users, items = np.nonzero(np.add.outer(np.arange(n_users) / 2, np.arange(n_items)) < n_items - 1)
    train = Interactions(users.astype(np.int32), items.astype(np.int32))
    nothing = train.take(np.zeros(len(train), bool))
    return Split("planted", train, nothing, nothing, n_users, n_items, fingerprint="planted")


SPLIT = split_of()


def mf(split: Split = SPLIT, factors: int = 16, seed: int = 0, **options: Any) -> MF:
    torch.manual_seed(seed)
    return MF(MFConfig(factors=factors, **options), split.spec).eval()


def uneven_mf() -> tuple[MF, torch.Tensor]:
    """A model whose users' columns grow from a hundredth on, and its scores: an item's weight is worth as little as the
    column that it meets is short."""
    model = mf(item_bias=False)
    with torch.no_grad():
        model.users.weight.mul_(torch.logspace(-2, 0, model.users.weight.shape[1]))
        return model, model.users.weight @ model.items.weight.T


def ncf(split: Split = SPLIT, seed: int = 0) -> NCF:
    torch.manual_seed(seed)
    return NCF(NCFConfig(factors=8), split.spec).eval()


def context(split: Split = SPLIT, seed: int = 0) -> StageContext:
    return StageContext(split, torch.Generator().manual_seed(seed))


def apply(name: str, model: Any, split: Split = SPLIT, seed: int = 0, **options: Any) -> Any:
    """The model with its tables swapped; options take the place of the small ones above."""
    stage, small = STAGES[name]
    stage(stage.Config(**(options or small))).apply(model, context(split, seed))
    return model


def table_of(name: str, rows: torch.Tensor, **options: Any) -> Any:
    """What a stage makes of these (60, D) rows."""
    model = mf(factors=rows.shape[1])
    model.users.assign(rows)
    apply(name, model, targets=("users",), **options)
    return model.users

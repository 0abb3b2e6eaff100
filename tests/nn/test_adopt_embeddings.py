"""A model that was written with ``nn.Embedding``: read, pruned and quantized as one with our tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rexp.api import Capability, Query, StageContext
from rexp.compress.surgery import describe_replacements, restore
from rexp.losses.bpr import BPR, BPRConfig
from rexp.nn.embedding import EmbeddingTable, adopt_embeddings
from rexp.plugins import registry
from rexp.plugins.options import from_options
from rexp.samplers.uniform import Uniform, UniformConfig
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import fit
from rexp.train.job import FitJob
from rexp.train.stage_hooks import Attachments
from tests.compress.embed.helpers import SPLIT

QUERY = Query(torch.arange(SPLIT.n_users))


class Plain(nn.Module):
    """Factors as one writes them in a notebook; ``weight`` is read too."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.users, self.items = nn.Embedding(SPLIT.n_users, 16), nn.Embedding(SPLIT.n_items, 16)

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORES_ALL_ITEMS})

    def score(self, query: Query, items: Tensor) -> Tensor:
        users = self.users(query.users)
        return ((users if items.dim() == 1 else users.unsqueeze(1)) * self.items(items)).sum(-1)

    def score_all(self, query: Query) -> Tensor:
        return self.users(query.users) @ self.items.weight.T


def adopted() -> Plain:
    model = Plain()
    adopt_embeddings(model)
    return model


def apply(model: Plain, name: str, **options: Any) -> None:
    stage = registry.load("stage", name)
    stage(from_options(stage.Config, options, name)).apply(model, StageContext(SPLIT, torch.Generator().manual_seed(0)))


def test_the_same_weights_under_the_same_names_give_the_same_scores() -> None:
    plain, model = Plain(), adopted()
    assert isinstance(model.users, EmbeddingTable)
    assert list(model.state_dict()) == list(plain.state_dict())
    torch.testing.assert_close(model.score_all(QUERY), plain.score_all(QUERY))
    weight = plain.users.weight
    adopt_embeddings(plain)
    assert plain.users.weight is weight


def test_one_embedding_in_two_places_stays_one() -> None:
    model = Plain()
    model.also = model.items
    adopt_embeddings(model)
    assert model.also is model.items
    assert isinstance(model.also, EmbeddingTable)


@pytest.mark.parametrize("options", [{"padding_idx": 0}, {"max_norm": 1.0}, {"scale_grad_by_freq": True}])
def test_an_embedding_that_does_more_than_look_up_is_left_alone(options: Mapping[str, Any]) -> None:
    model = nn.Sequential(nn.Embedding(4, 2, **options))
    adopt_embeddings(model)
    assert type(model[0]) is nn.Embedding


def test_it_is_pruned_in_a_fit(tmp_path: Path) -> None:
    model = adopted()
    stage = registry.load("stage", "magnitude")
    context = StageContext(SPLIT, torch.Generator().manual_seed(0), max_epochs=2)
    hook = stage(stage.Config(sparsity=0.5, ramp=0)).attach(model, context)
    job = FitJob(
        model,  # type: ignore[arg-type]
        SPLIT,
        FitConfig(max_epochs=2, select_epoch="last", validate_on="none"),
        DeviceConfig(progress="none", accelerator="cpu"),
        BPR(BPRConfig()),
        Uniform(UniformConfig(n=1), SPLIT),
        0,
        tmp_path,
        attachments=Attachments([hook], [torch.Generator()], 0),
    )
    fit(job)
    zeros = sum(int((table.weight == 0).sum()) for table in (model.users, model.items))
    assert zeros == 16 * (SPLIT.n_users + SPLIT.n_items) // 2


@pytest.mark.parametrize(
    ("name", "options"), [("rowwise", {"bits": 8}), ("qr", {"budget": 1.5}), ("lowrank", {"budget": 1.5})]
)
def test_it_is_quantized_and_comes_back_from_its_description(name: str, options: Mapping[str, Any]) -> None:
    model = adopted()
    apply(model, name, **options)
    parts = describe_replacements(model, {name: registry.load("stage", name)})
    assert "users" in parts
    scores = model.score_all(QUERY)
    torch.testing.assert_close(scores, model.users(QUERY.users) @ model.items.rows().T)
    again = Plain()  # a stored run's model, made anew
    restore(again, parts)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again.score_all(QUERY), scores)

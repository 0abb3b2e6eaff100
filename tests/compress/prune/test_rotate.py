"""Tables turned before they are pruned."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rexp.api import Query, StageContext
from rexp.compress.prune.pack import Pack, PackConfig
from rexp.compress.prune.rotate import Rotate, RotateConfig
from rexp.models.lightgcn import LightGCN, LightGCNConfig
from rexp.models.sasrec import SASRec, SASRecConfig
from tests.compress.embed.helpers import SPLIT, mf

CONTEXT = StageContext(SPLIT, torch.Generator())
EVERYONE = Query(torch.arange(SPLIT.n_users))


def turned(model: Any) -> Any:
    Rotate(RotateConfig()).apply(model, CONTEXT)
    return model


@torch.no_grad()
def scores(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.user_embeddings(EVERYONE) @ model.item_embeddings().T
    return found


def graph_model() -> Any:
    torch.manual_seed(0)
    model = LightGCN(LightGCNConfig(factors=16, layers=2), SPLIT.spec)
    model.bind(SPLIT)
    return model.eval()


@pytest.mark.parametrize("make", [mf, lambda: mf(user_bias=True, item_bias=True), graph_model])
def test_scores_stay_as_they_are(make: Any) -> None:
    model = make()
    before = scores(model)
    torch.testing.assert_close(scores(turned(model)), before, rtol=1e-4, atol=1e-6)


def test_columns_come_by_strength_and_pruning_then_loses_less() -> None:
    """Vectors of two directions that no axis follows."""
    generator = torch.Generator().manual_seed(0)

    def planted() -> Any:
        model = mf(item_bias=False)
        turn = torch.linalg.qr(torch.randn(16, 16, generator=generator.manual_seed(1))).Q
        with torch.no_grad():
            for table in (model.users, model.items):
                strengths = torch.tensor([2.0, 1.0] + [0.01] * 14)
                table.assign(torch.randn(table.weight.shape, generator=generator) * strengths @ turn)
        return model

    wanted = scores(planted())
    lost = []
    for model in (planted(), turned(planted())):
        Pack(PackConfig(sparsity=0.8)).apply(model, CONTEXT)
        lost.append((scores(model) - wanted).square().mean().item())
    assert lost[1] < 0.05 * lost[0]
    columns = turned(planted()).users.weight.square().sum(0)
    assert (columns[:-1] >= columns[1:] * 0.999).all()


def test_a_model_that_cannot_be_turned_is_left_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    model = SASRec(SASRecConfig(factors=6, history_length=4, blocks=1), SPLIT.spec)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    turned(model)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert capsys.readouterr().err == "note: rotate leaves the tables as they are: SASRec has no coupled_parameters()\n"

"""Item vectors fused from ids and content, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Capability, Query
from rexp.models.fusion import Fusion, FusionConfig
from rexp.nn.fuse import Fuse

from .described import PICTURES, described, units, weighted
from .helpers import check_capabilities

KNOWN = torch.tensor([[True, True, True], [True, False, True], [False, True, False], [False, False, False]])
VECTORS = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 5))).float()


def fuse(how: Any) -> Fuse:
    torch.manual_seed(0)
    module = Fuse(how, 3, 5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


@pytest.mark.parametrize("how", ["mean", "weights", "gate", "attention"])
def test_what_is_missing_has_no_part(how: Any) -> None:
    module = fuse(how)
    with torch.no_grad():
        found = module(VECTORS, KNOWN)
        assert found[3].tolist() == [0] * 5
        torch.testing.assert_close(found[2], VECTORS[2, 1])  # one is there: it is the mean of those
        changed = VECTORS.masked_fill(~KNOWN.unsqueeze(2), 7.0)
        torch.testing.assert_close(module(changed, KNOWN), found)
        for row in range(2):
            there = VECTORS[row, KNOWN[row]]
            if how == "mean":
                expected = there.mean(0)
            elif how == "weights":
                expected = module.logits[KNOWN[row]].softmax(0) @ there
            elif how == "attention":
                expected = ((module.hidden(there).tanh() @ module.asked).softmax(0)) @ there
            else:
                gates = torch.stack(
                    [module.gates[place](VECTORS[row, place]) for place in range(3) if KNOWN[row, place]]
                )
                expected = (gates.softmax(0) * there).sum(0)
            torch.testing.assert_close(found[row], expected)


def made(folder: Path, **options: Any) -> Fusion:
    split = described(folder, pictures=True)
    torch.manual_seed(0)
    model = Fusion(FusionConfig(factors=4, width=3, **options), split.spec)
    model.bind(split)
    return model.eval()


@pytest.mark.parametrize("missing", ["skip", "zeros"])
def test_the_mean_of_id_tags_and_pictures(missing: Any, tmp_path: Path) -> None:
    model = made(tmp_path, missing=missing)
    assert model.modalities.names == ["item.tags", "item.picture"]
    tags, pictures = model.modalities.columns
    rows = weighted()
    of_tags = units(rows - rows[[0, 1, 2, 3]].mean(0)) * rows.any(1)[:, None]  # of item 4 nothing is said
    of_pictures = units(units(PICTURES) - units(PICTURES)[:5].mean(0))
    with torch.no_grad():
        mapped = [tags.map(torch.from_numpy(of_tags).float()), pictures.map(torch.from_numpy(of_pictures).float())]  # type: ignore[operator, union-attr]
        found = model.item_embeddings()
        assert model.items is not None
        ids = model.items.rows()
        torch.testing.assert_close(found[0], (mapped[0][0] + mapped[1][0] + ids[0]) / 3)
        torch.testing.assert_close(found[5], (mapped[0][5] + mapped[1][5]) / 2)  # cold: without its id
        torch.testing.assert_close(found[4], (mapped[1][4] + ids[4]) / (2 if missing == "skip" else 3))


@pytest.mark.parametrize("how", ["mean", "weights", "gate", "attention"])
def test_every_way_to_score_agrees_and_all_is_trained(how: Any, tmp_path: Path) -> None:
    model = made(tmp_path, how=how, drop_id=0.0)
    assert check_capabilities(model, described(tmp_path, pictures=True).spec).isfinite().all()
    assert Capability.COLD_ITEMS in model.capabilities()
    model.train()
    model.score(Query(torch.arange(4)), torch.arange(5).expand(4, 5)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_ids_are_left_out_in_training_alone(tmp_path: Path) -> None:
    always = made(tmp_path, drop_id=1.0)
    with torch.no_grad():
        with_ids = always.item_embeddings()
        without = always.train().item_embeddings()
        torch.testing.assert_close(without[5:], with_ids[5:])
        assert not torch.isclose(without[:5], with_ids[:5]).all(1).any()
    assert made(tmp_path, use_id=False).items is None


@pytest.mark.parametrize("options", [{"factors": 0}, {"drop_id": 1.5}, {"columns": ()}])
def test_impossible_options_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        FusionConfig(**options)

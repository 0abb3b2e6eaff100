"""What every closed-form model of vectors promises, on data with two tastes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rexp.api import Capability
from rexp.models.ials import IALS
from rexp.models.nmf import NMF
from rexp.models.puresvd import PureSVD

from .closed_form import everyone, fitted, lonely, unseen_of_own_taste
from .helpers import check_capabilities, two_tastes

MODELS = [
    (PureSVD, {"factors": 4}),
    (NMF, {"factors": 4}),
    (NMF, {"factors": 4, "solver": "mu", "init": "random"}),
    (IALS, {"factors": 4, "iterations": 5}),
    (IALS, {"factors": 4, "solver": "cg"}),
]
each = pytest.mark.parametrize(("model_class", "options"), MODELS, ids=["puresvd", "nmf", "nmf-mu", "ials", "ials-cg"])


@each
def test_it_finds_the_tastes(model_class: Any, options: dict[str, Any]) -> None:
    split = two_tastes()
    assert unseen_of_own_taste(fitted(model_class, split, **options), split) == 1


@each
def test_every_way_to_score_agrees_and_comes_back_from_the_disk(
    model_class: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    split = lonely()
    model = fitted(model_class, split, **options)
    assert {Capability.CLOSED_FORM, Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT} <= model.capabilities()
    assert check_capabilities(model, split.spec).isfinite().all()
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = model_class(model_class.Config(**options), split.spec)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(everyone(again, split), everyone(model, split))
    assert torch.equal(everyone(fitted(model_class, split, **options), split), everyone(model, split))


@each
def test_who_took_nothing_and_what_nobody_took_get_zero(model_class: Any, options: dict[str, Any]) -> None:
    split = lonely()
    scores = everyone(fitted(model_class, split, **options), split)
    assert scores[4].abs().max() < 1e-5
    assert scores[:, 4].abs().max() < 1e-5

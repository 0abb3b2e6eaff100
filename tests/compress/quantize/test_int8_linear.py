"""Layers of 8 bits against values worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from rexp.api import Query, Requirement
from rexp.compress.quantize.half import Half, HalfConfig
from rexp.compress.quantize.int8_linear import Int8Layer, Int8Linear, Int8LinearConfig
from rexp.compress.surgery import describe_replacements, restore
from rexp.errors import ConfigError, RunError
from rexp.nn.surgery import replace_module
from tests.compress.embed.helpers import context, mf, ncf

EVERYONE = Query(torch.arange(60))


def quantized(model: Any, **options: Any) -> Any:
    Int8Linear(Int8LinearConfig(**options)).apply(model, context())
    return model


def layer_of(weight: torch.Tensor, bias: torch.Tensor | None = None) -> nn.Sequential:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return nn.Sequential(layer)


def test_codes_and_scales_by_hand() -> None:
    # The largest of each output is 127 steps: of 0.01, of 2, of nothing.
    weight = torch.tensor([[1.27, -0.5, 0.014], [-254.0, 3.0, 100.9], [0.0, 0.0, 0.0]])
    weight = torch.cat([weight, torch.zeros(3, 30)], 1)
    made = quantized(layer_of(weight, torch.tensor([1.0, 2.0, 3.0])))[0]
    assert made.codes[:, :3].tolist() == [[127, -50, 1], [-127, 2, 50], [0, 0, 0]]
    torch.testing.assert_close(made.scales.squeeze(1), torch.tensor([0.01, 2.0, 0.0]))
    inputs = torch.zeros(33)
    inputs[:3] = torch.tensor([1.0, 10.0, 100.0])
    expected = torch.tensor([1.27 - 5.0 + 1.0 + 1, -254.0 + 40.0 + 10000.0 + 2, 3.0])
    torch.testing.assert_close(made(inputs), expected)


def test_bytes_are_one_a_weight_and_four_a_scale_and_a_bias() -> None:
    assert quantized(layer_of(torch.randn(10, 20), torch.randn(10)))[0].nbytes() == 200 + 40 + 40
    assert quantized(layer_of(torch.randn(10, 20)))[0].nbytes() == 200 + 40


@pytest.mark.parametrize("stage", [Int8Linear, Half])
def test_a_tower_scores_nearly_as_before_however_it_is_asked(stage: Any) -> None:
    before, model = ncf().score_all(EVERYONE), ncf()
    config = Int8LinearConfig() if stage is Int8Linear else HalfConfig(kinds=("linear",))
    stage(config).apply(model, context())
    assert not [part for part in model.modules() if isinstance(part, nn.Linear)]
    after = model.score_all(EVERYONE)
    assert 0 < (after - before).std().item() < 0.03 * before.std().item()
    items = torch.arange(43).expand(60, 43)
    torch.testing.assert_close(model.score(EVERYONE, items), after)
    torch.testing.assert_close(model.score(EVERYONE, items[:, 7]), after[:, 7])

    described = json.loads(json.dumps(describe_replacements(model, {"half": Half, "int8_linear": Int8Linear})))
    fresh = ncf(seed=1)
    restore(fresh, described)
    fresh.load_state_dict(model.state_dict())
    torch.testing.assert_close(fresh.score_all(EVERYONE), after, rtol=0, atol=0)


def test_half_takes_tables_and_layers_in_one_stage() -> None:
    model = ncf()
    Half(HalfConfig(kinds=("tables", "linear"))).apply(model, context())
    left = {name: t for name, t in model.state_dict().items() if t.dtype == torch.float32}
    assert set(left) == {"gmf_weight", "mlp_weight", "bias"}
    with pytest.raises(ValueError, match="kinds"):
        HalfConfig(kinds=())


def test_it_takes_what_it_is_asked_for() -> None:
    model = quantized(ncf(), targets=("tower.*",), ignore=("*_layer",))
    assert isinstance(model.tower.user_layer, nn.Linear)
    assert isinstance(model.tower.layers[0], Int8Layer)
    with pytest.raises(ConfigError, match="it has tower"):
        quantized(ncf(), targets=("users",))


def test_what_would_grow_or_is_not_finite_is_refused() -> None:
    with pytest.raises(ConfigError, match="too narrow"):
        quantized(layer_of(torch.randn(5, 1)))
    with pytest.raises(RunError, match="not finite"):
        quantized(layer_of(torch.full((5, 9), torch.inf)))


def test_a_recipe_of_any_model_asks_for_no_layers() -> None:
    assert Int8Linear(Int8LinearConfig()).needs == {Requirement.LINEAR}
    assert not Int8Linear(Int8LinearConfig(required=False)).needs
    for model in (mf(), layer_of(torch.randn(5, 1))):
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        quantized(model, required=False)
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert isinstance(quantized(layer_of(torch.randn(10, 20)), required=False)[0], Int8Layer)


def test_a_layer_with_two_names_is_swapped_under_both() -> None:
    model = nn.ModuleList([nn.Linear(20, 20)])
    model.append(model[0])
    quantized(model)
    assert model[1] is model[0]
    assert isinstance(model[1], Int8Layer)
    described = describe_replacements(model, {"int8_linear": Int8Linear})
    assert described["1"] == {"same": "0"}
    fresh = nn.ModuleList([nn.Linear(20, 20), nn.Linear(20, 20)])
    restore(fresh, described)
    assert fresh[0] is fresh[1]
    replace_module(fresh, "1", nn.Linear(20, 20))
    assert fresh[0] is fresh[1]

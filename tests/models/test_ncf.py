"""NCF: its formula, its shapes, its start, its fusion."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
import torch

from rexp.api import Capability, DataSpec, Query
from rexp.errors import ConfigError
from rexp.models import _mlp
from rexp.models.mf import MF, MFConfig
from rexp.models.ncf import NCF, NCFConfig

from .helpers import SPEC, check_capabilities, learn, shaken, two_tastes

VARIANTS = ["gmf", "mlp", "neumf"]
QUERY = Query(torch.tensor([0, 3, 6, 3]))
ITEMS = torch.tensor([10, 0, 5, 5])


def ncf(spec: DataSpec = SPEC, **options: Any) -> NCF:
    return NCF(NCFConfig(**options), spec)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("layers", [None, (6, 4)])
def test_every_way_to_score_agrees(variant: str, layers: tuple[int, ...] | None) -> None:
    model = shaken(ncf(variant=variant, factors=4, layers=layers))
    check_capabilities(model, SPEC)
    dot = {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT}
    assert (dot <= model.capabilities()) == (variant == "gmf")


@pytest.mark.parametrize("pairs", [1, 5, 11, 25])
def test_the_block_does_not_change_the_scores(monkeypatch: pytest.MonkeyPatch, pairs: int) -> None:
    model = shaken(ncf(factors=4))
    whole = model.score_all(QUERY)
    monkeypatch.setattr(_mlp, "PAIRS_A_BLOCK", pairs)
    torch.testing.assert_close(model.score_all(QUERY), whole)


def test_the_logit_is_the_paper_s() -> None:
    """The paper's network with joined inputs, written down plainly."""
    model = shaken(ncf(variant="neumf", factors=2, layers=(6, 4, 2)))
    user, item = model.users.rows()[QUERY.users], model.items.rows()[ITEMS]
    hidden = torch.cat([user[:, 2:], item[:, 2:]], 1)
    first = torch.cat([model.tower.user_layer.weight, model.tower.item_layer.weight], 1)
    hidden = torch.relu(hidden @ first.T + model.tower.user_layer.bias)
    hidden = torch.relu(model.tower.layers[0](hidden))
    joined = torch.cat([user[:, :2] * item[:, :2], hidden], 1)
    logit = joined @ torch.cat([model.gmf_weight, model.mlp_weight]) + model.bias
    torch.testing.assert_close(model.score(QUERY, ITEMS), logit)


@pytest.mark.parametrize(
    ("variant", "count"),
    [
        ("gmf", (7 + 11) * 8 + 8 + 1),
        ("mlp", (7 + 11) * 32 + (64 * 32 + 32) + (32 * 16 + 16) + (16 * 8 + 8) + 8 + 1),
        ("neumf", (7 + 11) * 40 + (64 * 32 + 32) + (32 * 16 + 16) + (16 * 8 + 8) + 16 + 1),
    ],
)
def test_parameters_are_the_paper_s(variant: str, count: int) -> None:
    assert sum(parameter.numel() for parameter in ncf(variant=variant).parameters()) == count


def test_the_tower_doubles_with_the_factors() -> None:
    assert NCFConfig(factors=8).tower == (64, 32, 16, 8)
    assert NCFConfig(factors=64).tower == (512, 256, 128, 64)


def test_it_starts_as_the_paper_does() -> None:
    torch.manual_seed(0)
    model = ncf(DataSpec(2000, 3000, 1), factors=64)
    for table in (model.users, model.items):
        assert table.rows().std().item() == pytest.approx(0.01, rel=0.02)
    first = torch.cat([model.tower.user_layer.weight, model.tower.item_layer.weight], 1)
    for weight in (first, model.tower.layers[0].weight):
        bound = math.sqrt(6 / sum(weight.shape))
        assert 0.98 * bound < weight.abs().max().item() <= bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    prediction = torch.cat([model.gmf_weight, model.mlp_weight])
    bound = math.sqrt(3 / 128)
    assert 0.9 * bound < prediction.abs().max().item() <= bound
    biases = [value for name, value in model.named_parameters() if name.endswith("bias")]
    assert len(biases) == 4
    assert not any(bias.any() for bias in biases)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_learns_the_tastes(variant: str) -> None:
    torch.manual_seed(0)
    split = two_tastes()
    assert learn(ncf(split.spec, variant=variant), split) > 0.95


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(4,), (4, 3)])
def test_every_parameter_has_a_gradient(variant: str, shape: tuple[int, ...]) -> None:
    model = shaken(ncf(variant=variant)).train()
    model.score(QUERY, torch.zeros(shape, dtype=torch.int64)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_catalogue_s_scores_can_be_learned_from() -> None:
    model, other = shaken(ncf()), shaken(ncf())
    items = torch.arange(SPEC.n_items).expand(4, -1)
    model.score_all(QUERY).square().sum().backward()
    other.score(QUERY, items).square().sum().backward()
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("alpha", [0.5, 0.3])
def test_fusion_weighs_the_two_logits(alpha: float) -> None:
    gmf, mlp = shaken(ncf(variant="gmf"), 1), shaken(ncf(variant="mlp"), 2)
    model = ncf(alpha=alpha).double().eval()
    model.init_from_models({"gmf": gmf, "mlp": mlp})
    expected = alpha * gmf.score(QUERY, ITEMS) + (1 - alpha) * mlp.score(QUERY, ITEMS)
    torch.testing.assert_close(model.score(QUERY, ITEMS), expected)
    assert model.bias.item() == pytest.approx(alpha * gmf.bias.item() + (1 - alpha) * mlp.bias.item())
    gmf.users.rows().data.zero_()  # nothing is shared with the parts
    torch.testing.assert_close(model.score(QUERY, ITEMS), expected)


def test_fusion_refuses_what_does_not_fit() -> None:
    gmf, mlp = ncf(variant="gmf"), ncf(variant="mlp")
    with pytest.raises(ConfigError, match="exactly these two"):
        ncf().init_from_models({"gmf": gmf})
    with pytest.raises(ConfigError, match="variant=neumf"):
        ncf(variant="mlp").init_from_models({"gmf": gmf, "mlp": mlp})
    with pytest.raises(ConfigError, match=r"from\.mlp is no ncf model of variant=mlp"):
        ncf().init_from_models({"gmf": gmf, "mlp": gmf})
    with pytest.raises(ConfigError, match=r"from\.gmf is no ncf model"):
        ncf().init_from_models({"gmf": MF(MFConfig(), SPEC), "mlp": mlp})
    with pytest.raises(ConfigError, match="wanted are factors=16"):
        ncf(factors=16).init_from_models({"gmf": gmf, "mlp": mlp})
    with pytest.raises(ConfigError, match="layers="):
        ncf(layers=(32, 8)).init_from_models({"gmf": gmf, "mlp": mlp})


@pytest.mark.parametrize(
    "options", [{"factors": 0}, {"dropout": 1.0}, {"layers": (64, 16)}, {"layers": (7, 8)}, {"layers": (8,)}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        NCFConfig(**options)


def test_dropout_acts_in_training_alone() -> None:
    model = shaken(ncf(dropout=0.5))
    assert torch.equal(model.score(QUERY, ITEMS), model.score(QUERY, ITEMS))
    model.train()
    assert not torch.equal(model.score(QUERY, ITEMS), model.score(QUERY, ITEMS))


@pytest.mark.parametrize("variant", ["mlp", "neumf"])
def test_long_lists_are_trained_through_the_whole_table(variant: Literal["mlp", "neumf"]) -> None:
    """Scores and gradients are those of the same pairs one by one."""
    torch.manual_seed(0)
    model = NCF(NCFConfig(variant=variant, factors=4, init_scale=0.5), DataSpec(5, 12, 20)).double()
    users, items = torch.arange(5), torch.randint(12, (5, 9))
    found: dict[str, tuple[torch.Tensor, list[torch.Tensor]]] = {}
    for name, pairs in (("lists", (users, items)), ("pairs", (users.repeat_interleave(9), items.flatten()))):
        model.zero_grad()
        scores = model.score(Query(pairs[0]), pairs[1]).flatten()
        (scores * torch.arange(45)).sum().backward()
        found[name] = scores.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]
    torch.testing.assert_close(found["lists"][0], found["pairs"][0])
    for one, other in zip(found["lists"][1], found["pairs"][1], strict=True):
        torch.testing.assert_close(one, other)

"""Joint factorization against numpy, by way of the scores it must keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.api import Query
from rexp.compress.base.narrow import NarrowLinear, NarrowTable
from rexp.compress.embed._joint_svd import balanced, joint_svd
from rexp.compress.embed.factorize import Factorize, FactorizeConfig
from rexp.compress.embed.lowrank import LowRank, LowRankConfig
from rexp.compress.quantize.rowwise import Rowwise, RowwiseConfig
from rexp.compress.surgery import describe_replacements, restore
from rexp.errors import ConfigError, RunError
from rexp.models.lightgcn import LightGCN, LightGCNConfig
from rexp.models.ncf import NCF, NCFConfig
from rexp.nn.embedding import EmbeddingTable
from rexp.store.store import Store
from tests import warm
from tests.models.helpers import check_capabilities, learn, two_tastes

from .helpers import SPLIT, context, mf

EVERYONE = Query(torch.arange(60))
Array = np.ndarray[Any, Any]


def ncf(variant: Any, seed: int = 0) -> NCF:
    torch.manual_seed(seed)
    model = NCF(NCFConfig(variant=variant, factors=8, layers=(24, 16, 8), init_scale=0.5), SPLIT.spec).eval()
    torch.nn.init.normal_(model.bias)
    return model


def biased(seed: int = 0) -> Any:
    model = mf(factors=12, seed=seed, user_bias=True, global_bias=True)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def lightgcn(seed: int = 0) -> LightGCN:
    torch.manual_seed(seed)
    model = LightGCN(LightGCNConfig(factors=12, layers=2, l2=0.0), SPLIT.spec).eval()
    model.bind(SPLIT)
    return model


MODELS: dict[str, Any] = {
    "mf": mf,
    "biased": biased,
    "gmf": lambda seed=0: ncf("gmf", seed),
    "mlp": lambda seed=0: ncf("mlp", seed),
    "neumf": lambda seed=0: ncf("neumf", seed),
    "lightgcn": lightgcn,
}


def factorized(model: Any, **options: Any) -> Any:
    Factorize(FactorizeConfig(**options)).apply(model, context())
    return model


def test_every_reader_keeps_its_share_of_columns() -> None:
    model = factorized(ncf("neumf"), keep=0.5)
    assert [tuple(reader.columns) for reader in model.coupled_parameters()] == [(0, 4), (4, 10), (4, 10)]
    assert factorized(mf(factors=12), keep=0.01).users.weight.shape[1] == 1


@pytest.mark.parametrize(("factors", "left"), [(8, 6), (32, 24), (40, 20)])
def test_few_columns_have_less_to_spare(factors: int, left: int) -> None:
    assert factorized(mf(factors=factors), keep="auto").users.weight.shape[1] == left


@pytest.mark.parametrize(
    "options", [{"keep": 0.0}, {"keep": 1.1}, {"keep": 0.5, "rank": 3}, {"keep": 0.5, "budget": 2}]
)
def test_a_share_that_is_none_or_not_alone_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="keep="):
        FactorizeConfig(**options)


def best(matrix: Array, rank: int) -> Array:
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    nearest: Array = (left[:, :rank] * values[:rank]) @ right[:rank]
    return nearest


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12), st.integers(1, 14), st.integers(0, 1000))
def test_the_product_is_numpy_s_best(n: int, m: int, dim: int, rank: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.standard_normal((n, dim)), random.standard_normal((m, dim))
    narrow = joint_svd(torch.from_numpy(left), torch.from_numpy(right), rank)
    assert narrow[0].shape[1] == narrow[1].shape[1] == min(rank, n, m, dim)
    expected = best(left @ right.T, rank)
    np.testing.assert_allclose((narrow[0] @ narrow[1].T).numpy(), expected, atol=1e-10)
    np.testing.assert_allclose((lambda a, b: a @ b.T)(*balanced(*narrow)).numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_at_full_rank_scores_stay(name: str) -> None:
    before = MODELS[name]().score_all(EVERYONE)
    model = factorized(MODELS[name](), rank=64)
    torch.testing.assert_close(model.score_all(EVERYONE), before, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_every_way_to_score_agrees_at_a_smaller_rank(name: str) -> None:
    model = factorized(MODELS[name](), rank=5)
    check_capabilities(model, SPLIT.spec)


@pytest.mark.parametrize("rank", [1, 4, 7])
def test_a_dot_product_becomes_the_best_of_its_rank(rank: int) -> None:
    """Biases are kept; a weighted product has its weights in the tables."""
    plain = mf(factors=12, item_bias=False)
    expected = best(plain.score_all(EVERYONE).detach().numpy(), rank)
    np.testing.assert_allclose(factorized(plain, rank=rank).score_all(EVERYONE).detach().numpy(), expected, atol=1e-5)

    model = biased()
    added = model.users.rows()[:, 12:] + model.items.rows()[:, 12:].T + model.bias
    expected = best((model.score_all(EVERYONE) - added).detach().numpy(), rank) + added.detach().numpy()
    np.testing.assert_allclose(factorized(model, rank=rank).score_all(EVERYONE).detach().numpy(), expected, atol=1e-4)

    gmf = ncf("gmf")
    expected = best((gmf.score_all(EVERYONE) - gmf.bias).detach().numpy(), rank) + gmf.bias.item()
    np.testing.assert_allclose(factorized(gmf, rank=rank).score_all(EVERYONE).detach().numpy(), expected, atol=1e-4)


def test_a_layer_reads_the_best_of_its_rank() -> None:
    model = ncf("mlp")
    assert model.tower is not None
    before = (model.items.rows() @ model.tower.item_layer.weight.T).detach().numpy()
    factorized(model, rank=5)
    assert isinstance(model.tower.item_layer, NarrowLinear)
    assert model.tower.item_layer.in_features == 5
    after = (model.items.rows() @ model.tower.item_layer.weight.T).detach().numpy()
    np.testing.assert_allclose(after, best(before, 5), atol=1e-5)


def test_smoothed_vectors_are_projected() -> None:
    """A projection of what the graph makes, which keeps as much of its length as any of that rank can."""
    model = lightgcn()
    before = torch.cat(model.encode()).detach().double().numpy()
    factorized(model, rank=4)
    after = torch.cat(model.encode()).detach().double().numpy()
    kept = np.linalg.svd(before, compute_uv=False)[:4] ** 2
    assert np.square(after).sum() == pytest.approx(kept.sum(), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "shapes"),
    [
        ("mf", {"rank": 4}, [(60, 4), (43, 5)]),  # the items' bias stays
        ("neumf", {"rank": 3}, [(60, 6), (43, 6)]),
        ("neumf", {"rank": 10}, [(60, 18), (43, 18)]),  # 8 of GMF's, 10 of the tower's
        ("lightgcn", {"rank": 3}, [(60, 3), (43, 3)]),
        # (60 * 12 + 43 * 12) / 4 = 309 numbers, three columns of 103
        ("lightgcn", {}, [(60, 3), (43, 3)]),
        ("lightgcn", {"budget": 2.0}, [(60, 6), (43, 6)]),
        ("lightgcn", {"budget": 103 * 5 * 4 + 3, "unit": "bytes"}, [(60, 5), (43, 5)]),
        ("mf", {"budget": 2.0}, [(60, 7), (43, 8)]),  # 103 r + 43 <= (60 * 16 + 43 * 17) / 2
        ("mf", {"targets": ["*"], "budget": 6.2, "unit": "ppd"}, [(60, 1), (43, 2)]),  # 6.2 * (16 + 17) numbers
    ],
)
def test_shapes_and_bytes(name: str, options: dict[str, Any], shapes: list[tuple[int, int]]) -> None:
    model = factorized(MODELS[name](), **options)
    assert [tuple(table.rows().shape) for table in (model.users, model.items)] == shapes
    assert [table.nbytes() for table in (model.users, model.items)] == [4 * n * dim for n, dim in shapes]


@pytest.mark.parametrize("name", MODELS)
def test_what_is_left_is_trained_and_quantized_like_any_table(name: str) -> None:
    model = factorized(MODELS[name](), rank=6)
    assert all(type(table) is NarrowTable and isinstance(table, EmbeddingTable) for table in (model.users, model.items))
    model.train().score(EVERYONE, torch.arange(60) % 43).square().sum().backward()
    assert all(table.weight.grad.abs().sum(0).all() for table in (model.users, model.items))
    plain = model.eval().score_all(EVERYONE).detach()
    Rowwise(RowwiseConfig(bits=8)).apply(model, context())
    assert 0 < (model.score_all(EVERYONE) - plain).std().item() < 0.05 * plain.std().item()

    described = json.loads(json.dumps(describe_replacements(model, {"factorize": Factorize, "rowwise": Rowwise})))
    fresh = MODELS[name](seed=1)
    restore(fresh, described)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh.score_all(EVERYONE), model.score_all(EVERYONE))


def test_a_factorized_model_learns() -> None:
    split = two_tastes()
    learn(factorized(mf(split, factors=8), rank=3), split)


def test_what_cannot_be_factorized_is_refused() -> None:
    with pytest.raises(ConfigError, match="chosen and dense are users"):
        factorized(mf(), targets=("users",))
    lowrank = mf()
    LowRank(LowRankConfig(rank=2)).apply(lowrank, context())
    with pytest.raises(ConfigError, match="MF reads items, users together"):
        factorized(lowrank)
    with pytest.raises(ConfigError, match="at rank 1"):
        factorized(mf(), budget=20.0)
    broken = mf()
    broken.items.assign(torch.full((43, 17), torch.nan))
    with pytest.raises(RunError, match="items holds values that are not finite"):
        factorized(broken, rank=2)
    with pytest.raises(ValueError, match="say the same thing"):
        FactorizeConfig(rank=2, budget=4.0)


@pytest.mark.slow
def test_the_recipe_from_the_command_line(tmp_path: Path) -> None:
    """Fit, factorize, fine-tune, 4 bits: and a second run takes all but the last step from the first."""
    random = np.random.default_rng(0)
    lines = ["user,item,time"]
    for user in range(40):
        lines += [f"u{user},{item},{when}" for when, item in enumerate(random.permutation(15)[:9] + 15 * (user % 2))]
    (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n")
    recipe = ["+compress/stage@compress.stages.factorize=factorize", "+compress/stage@compress.stages.quant=rowwise"]
    common = [
        "data=csv",
        f"data.path={tmp_path / 'mine.csv'}",
        "model=mf",
        "model.factors=16",
        "track=none",
        "references=[]",
    ]
    common += ["train.max_epochs=3", "compress.order=[fit,factorize,finetune,quant]", "compress.finetune.max_epochs=2"]
    for bits in (4, 8):
        done = warm.rexp(*common, *recipe, f"compress.stages.quant.bits={bits}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "trained already: fit, factorize, finetune is taken from run" in done.stderr
    results = {
        result.config["compress"]["stages"]["quant"]["bits"]: result for result in Store(tmp_path / "runs").runs()
    }
    sizes = [step["sizes"] for step in results[4].steps]
    assert sizes[1]["parameters"] == sizes[2]["parameters"] < sizes[0]["parameters"] / 3.9
    assert sizes[3]["tensor_bytes"] < sizes[0]["tensor_bytes"] / 8

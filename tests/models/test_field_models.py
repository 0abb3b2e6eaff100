"""Models over fields: each against its formula with explicit loops, and what all of them have in common."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from rexp.api import Batch, Capability, Query
from rexp.models.mlp import MLPConfig
from rexp.nn.embedding import EmbeddingTable
from rexp.plugins import registry
from rexp.testing import check_plugin

from .fields import FieldData, field_data, vectors_of
from .helpers import learn, two_tastes

Formula = Callable[[Any, FieldData, int, int], Tensor]
TOWER: dict[str, Any] = {"factors": 3, "layers": (5, 4)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FieldData:
    return field_data(tmp_path_factory.mktemp("fields"))


def first_order(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    return torch.stack(vectors_of(model.weights, data, row, item)).sum()


def pairs(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    """The double loop of Rendle's equation 1."""
    vectors = vectors_of(model.fields, data, row, item)
    return torch.stack([vectors[f] @ vectors[g] for f, g in combinations(range(len(vectors)), 2)]).sum()


def tower(layers: Any, values: Tensor) -> Tensor:
    """A tower's layers over the joined inputs, one after another, as it is evaluated."""
    weight = torch.cat([part.weight for part in layers.first], 1)
    hidden = weight @ values + layers.first[0].bias
    for place in range(len(layers.layers) + 1):
        if place:
            hidden = layers.layers[place - 1].weight @ hidden + layers.layers[place - 1].bias
        if layers.norms is not None:
            norm = layers.norms[place]
            hidden = (hidden - norm.running_mean) / (norm.running_var + norm.eps).sqrt() * norm.weight + norm.bias
        hidden = hidden.clamp(min=0)
    return layers.output.weight[0] @ hidden + layers.output.bias[0]


def fm(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    return model.bias + first_order(model, data, row, item) + pairs(model, data, row, item)


def mlp(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    return tower(model.tower, torch.cat(vectors_of(model.fields, data, row, item)))


def deepfm(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    return first_order(model, data, row, item) + pairs(model, data, row, item) + mlp(model, data, row, item)


def wide_deep(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    return first_order(model, data, row, item) + mlp(model, data, row, item)


def products(model: Any, data: FieldData, row: int, item: int) -> list[Tensor]:
    vectors = vectors_of(model.fields, data, row, item)
    return [vectors[f] * vectors[g] for f, g in combinations(range(len(vectors)), 2)]


def nfm(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    pooled = torch.stack(products(model, data, row, item)).sum(0)
    return first_order(model, data, row, item) + tower(model.tower, pooled)


def afm(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    found, network = products(model, data, row, item), model.attention
    hidden = [(network.layer.weight @ product + network.layer.bias).clamp(min=0) for product in found]
    importance = torch.stack([(network.importance.weight[0] @ one).exp() for one in hidden])
    mean = sum(weight * product for weight, product in zip(importance / importance.sum(), found, strict=True))
    return first_order(model, data, row, item) + model.output.weight[0] @ mean + model.output.bias[0]


def crossed(model: Any, values: Tensor) -> Tensor:
    """Cross layers by hand: full, of low rank, or mixed."""
    net, found = model.cross, values
    for place in range(model.config.cross):
        if model.config.experts > 1:
            gates = (net.gate.weight @ found).exp()
            added = torch.zeros_like(values)
            for expert in range(model.config.experts):
                inner = torch.tanh(net.down[place][expert].T @ found)
                inner = torch.tanh(net.middle[place][expert].T @ inner)
                output = values * (net.up[place][expert].T @ inner + net.biases[place])
                added = added + gates[expert] / gates.sum() * output
        else:
            layer = net.layers[place]
            weight = layer.weight if model.config.rank is None else layer.weight @ net.down[place].weight
            added = values * (weight @ found + layer.bias)
        found = found + added
    return found


def dcn(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    values = torch.cat(vectors_of(model.fields, data, row, item))
    found = crossed(model, values)
    if model.config.structure == "stacked":
        return tower(model.tower, found)
    score = model.output.weight[0] @ found
    return score + (model.output.bias[0] if model.config.structure == "cross" else tower(model.tower, values))


def autoint(model: Any, data: FieldData, row: int, item: int) -> Tensor:
    fields = torch.stack(vectors_of(model.fields, data, row, item))
    deep = tower(model.tower, fields.flatten()) if model.config.deep else model.output.bias[0]
    size = model.config.head_size
    for layer in model.attention:
        heads = []
        for head in range(model.config.heads):
            part = slice(head * size, (head + 1) * size)
            query, key, value = (fields @ one.weight[part].T for one in (layer.query, layer.key, layer.value))
            heads.append((query @ key.T).softmax(1) @ value)
        fields = (torch.cat(heads, 1) + fields @ layer.residual.weight.T).clamp(min=0)
    return model.output.weight[0] @ fields.flatten() + deep


CASES: list[tuple[str, dict[str, Any], Formula]] = [
    ("fm", {"factors": 3}, fm),
    ("mlp", TOWER, mlp),
    ("mlp", TOWER | {"layers": (4,), "batch_norm": True}, mlp),
    ("deepfm", TOWER, deepfm),
    ("wide_deep", TOWER, wide_deep),
    ("nfm", TOWER, nfm),
    ("nfm", TOWER | {"batch_norm": True}, nfm),
    ("afm", {"factors": 3, "attention": 4}, afm),
    ("dcn", TOWER, dcn),
    ("dcn", TOWER | {"structure": "stacked", "cross": 3}, dcn),
    ("dcn", TOWER | {"structure": "cross", "rank": 2}, dcn),
    ("dcn", TOWER | {"rank": 2, "experts": 3}, dcn),
    ("autoint", TOWER | {"head_size": 2}, autoint),
    ("autoint", TOWER | {"head_size": 2, "deep": True}, autoint),
    ("deepfm", TOWER | {"use_features": ("item.genres", "context.hour"), "use_user_id": False}, deepfm),
]
cases = pytest.mark.parametrize(
    ("name", "options", "formula"), CASES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CASES)]
)


@cases
@torch.no_grad()
def test_the_score_is_the_formula_s(name: str, options: dict[str, Any], formula: Formula, data: FieldData) -> None:
    model = data.model(name, **options)
    items = torch.tensor([[0, 19], [7, 3], [5, 5], [1, 2], [0, 18], [4, 6]])
    model.train().score(data.query, items)  # a normalization takes its mean and deviation from what it sees
    model.eval()
    expected = [[formula(model, data, row, int(item)) for item in items[row]] for row in range(6)]
    torch.testing.assert_close(model.score(data.query, items), torch.tensor(expected, dtype=torch.float64))


@cases
@torch.no_grad()
def test_every_way_to_score_agrees(name: str, options: dict[str, Any], formula: Formula, data: FieldData) -> None:
    model = data.model(name, **options)
    matrix = model.score(data.query, data.catalog)
    one_by_one = torch.stack([model.score(data.query, data.catalog[:, item]) for item in range(data.split.n_items)], 1)
    torch.testing.assert_close(one_by_one, matrix)
    torch.testing.assert_close(model.score_all(data.query), matrix)
    if Capability.DOT_PRODUCT in model.capabilities():
        torch.testing.assert_close(model.user_embeddings(data.query) @ model.item_embeddings().T, matrix)


@cases
def test_capabilities_are_stated(name: str, options: dict[str, Any], formula: Formula, data: FieldData) -> None:
    can = data.model(name, **options).capabilities()
    assert {Capability.NEEDS_TRAIN_DATA, Capability.READS_CONTEXT, Capability.SCORES_ALL_ITEMS} <= can
    assert Capability.REGULARIZED not in can
    assert Capability.REGULARIZED in data.model(name, **options, l2=0.1).capabilities()
    bare = data.model(name, **(options | {"use_features": (), "use_user_id": True})).capabilities()
    assert not {Capability.NEEDS_TRAIN_DATA, Capability.READS_CONTEXT} & bare


@cases
def test_gradients_reach_every_parameter(name: str, options: dict[str, Any], formula: Formula, data: FieldData) -> None:
    model = data.model(name, **options).train()
    scores = model.score(data.query, data.catalog)
    F.binary_cross_entropy_with_logits(scores, torch.rand_like(scores)).backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        if "norms" in path or "first.0.bias" not in path:  # a bias before a normalization is taken out again
            assert parameter.grad.abs().sum() > 0, path


@cases
@torch.no_grad()
def test_penalties(name: str, options: dict[str, Any], formula: Formula, data: FieldData) -> None:
    items = torch.tensor([[0, 19], [7, 3], [5, 5], [1, 2], [0, 18], [4, 6]])
    model = data.model(name, **options, l2=0.3)
    read = 0.0
    for row in range(6):
        for fields in filter(None, (model.fields, model.weights)):
            users = vectors_of(fields, data, row, 0)[: len(fields.user_names)]
            read += sum(float(vector.square().sum()) for vector in users)
            for item in items[row].tolist():
                of_item = vectors_of(fields, data, row, item)[len(fields.user_names) :]
                read += sum(float(vector.square().sum()) for vector in of_item)
    assert float(model.penalty(Batch(data.query, items))) == pytest.approx(0.15 * read / 6)
    model = data.model(name, **options, l2=0.3, l2_over="tables")
    tables = [part for part in model.modules() if isinstance(part, EmbeddingTable)]
    whole = sum(float(table.rows().square().sum()) for table in tables)
    assert float(model.penalty(Batch(data.query, items))) == pytest.approx(0.15 * whole)


@torch.no_grad()
def test_many_items_are_scored_in_blocks(data: FieldData, monkeypatch: pytest.MonkeyPatch) -> None:
    model = data.model("mlp", **TOWER)
    matrix = model.score_all(data.query)
    for pairs_a_block in (3, 50):
        monkeypatch.setattr("rexp.models._fields.PAIRS_A_BLOCK", pairs_a_block)
        torch.testing.assert_close(model.score_all(data.query), matrix)


def test_one_row_can_be_trained_on_with_batch_norm(data: FieldData) -> None:
    model = data.model("mlp", **TOWER, batch_norm=True).train()
    features = {name: values[:1] for name, values in data.query.features.items()}
    scores = model.score(Query(data.query.users[:1], features=features), torch.tensor([3]))
    scores.sum().backward()
    assert scores.isfinite().all()


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_it_learns_the_tastes(name: str) -> None:
    torch.manual_seed(0)
    split = two_tastes()
    model_class: Any = registry.load("model", name)
    assert learn(model_class(model_class.Config(factors=8, init_scale=0.1), split.spec), split) > 0.95


@pytest.mark.parametrize(
    "options",
    [{"factors": 0}, {"l2": -1.0}, {"init_scale": -0.1}, {"layers": ()}, {"layers": (4, 0)}, {"dropout": 1.0}],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        MLPConfig(**options)


def two_tasks(data: FieldData, **options: Any) -> Any:
    return data.model("mlp", **TOWER, rating_weight=0.5, **options)


@torch.no_grad()
def test_clicks_and_ratings_are_learned_together(data: FieldData) -> None:
    model, train = two_tasks(data), data.split.train
    assert train.ratings is not None
    rows = [0, 3, 17, 40, 41, 60]
    users, items = torch.tensor(train.users[rows]).long(), torch.tensor(train.items[rows]).long()
    query = Query(users, features=data.query.features)
    lists = torch.stack([items, (items + 7) % data.split.n_items], 1)
    clicks = model.score(query, lists)
    rates = two_tasks(data, predict="ratings")
    rates.load_state_dict(model.state_dict())
    losses = [-F.logsigmoid(clicks[row, 0]) - F.logsigmoid(-clicks[row, 1]) for row in range(6)]
    error = rates.score(query, items) - torch.tensor(train.ratings[rows], dtype=torch.float64)
    expected = torch.stack(losses).sum() / 12 + 0.5 * error.square().mean()
    torch.testing.assert_close(model.training_loss(Batch(query, lists)), expected, check_dtype=False)
    assert Capability.OWN_LOSS in model.capabilities()
    assert Capability.PREDICTS_RATINGS in rates.capabilities() - model.capabilities()


def test_two_tasks_keep_the_contract() -> None:
    results = check_plugin(
        "model", "mlp", options=[{"rating_weight": 0.5}, {"rating_weight": 2.0, "predict": "ratings"}], draws=0
    )
    assert [str(result) for result in results if result.outcome == "failed"] == []
    with pytest.raises(ValueError, match="predict=ratings needs rating_weight"):
        MLPConfig(predict="ratings")

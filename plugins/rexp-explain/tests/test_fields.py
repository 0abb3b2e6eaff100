"""Reasons in fields: the planted one comes first, values add up, and they are captum's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planted import CAUSE, fitted, hours, model_of
from rexp_explain import explain_model
from rexp_explain.gradients import _forward, integrated_gradients, scaled_fields

from rexp.api import FieldEmbeddings, Query, Split

USERS = range(30)


@pytest.fixture(scope="module")
def split() -> Split:
    return hours()


def trained(name: str, split: Split, **options: Any) -> Any:
    """A model over fields that has learned the labels."""
    model, train = model_of(name, split.spec, **options), split.train
    context = {key: torch.from_numpy(values) for key, values in train.context.items()}
    query, items = Query(torch.from_numpy(train.users).long(), None, context), torch.from_numpy(train.items).long()
    assert train.ratings is not None
    labels, optimizer = torch.from_numpy(train.ratings), torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(model.score(query, items), labels).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("name", ["fm", "deepfm", "nfm", "dcn"])
def test_the_planted_field_is_named_first_and_values_add_up(name: str, split: Split) -> None:
    model, first = trained(name, split, factors=4), 0
    for user in USERS:
        found = explain_model(model, split, user, user % split.n_items)
        assert (found.by, found.method) == ("fields", "integrated gradients")
        assert {reason.name for reason in found.reasons} == {"user", "item", "context.device", "context.hour"}
        assert found.gap is not None
        assert found.gap < 1e-3
        first += found.reasons[0].name == "context.hour" and found.reasons[0].value > 0
    assert first >= 0.95 * len(USERS)


@pytest.mark.parametrize(("name", "options"), [("gbdt", {"trees": 20}), ("logistic", {})])
def test_so_it_is_of_trees_and_of_linear_models(name: str, options: dict[str, int], split: Split) -> None:
    if name == "gbdt":
        pytest.importorskip("lightgbm")
    model, first = fitted(name, split, target="label", **options), 0
    for user in USERS:
        found = explain_model(model, split, user, user % split.n_items)
        assert found.gap is not None
        assert found.gap < 1e-3
        first += found.reasons[0].name == "context.hour" and found.reasons[0].value > 0
    assert first >= 0.95 * len(USERS)


def test_a_linear_model_s_values_are_its_weights(split: Split) -> None:
    model = fitted("logistic", split, target="label")
    context = split.train.latest_context(split.n_users)
    found = {reason.name: reason.value for reason in explain_model(model, split, 4, 7).reasons}
    for name, table in zip(model.fields.names, model.fields.tables(), strict=True):
        place = {"user": 4, "item": 7}.get(name, int(context[name][4]) if name in context else 0)
        assert found[name] == pytest.approx(float(table.weight[place]), abs=1e-6)
    assert int(context["context.hour"][4]) == CAUSE


def test_the_model_is_as_it_was_afterwards(split: Split) -> None:
    model = model_of("deepfm", split.spec)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    explain_model(model, split, 0, 1)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    parts = [part for part in model.modules() if isinstance(part, FieldEmbeddings)]
    assert not any({"user_side", "item_side"} & set(vars(part)) for part in parts)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "within"), [("fm", 1e-4), ("deepfm", 5e-3)])  # captum does not refine at kinks
def test_the_values_are_captum_s(name: str, within: float, split: Split) -> None:
    captum = pytest.importorskip("captum.attr")
    model = trained(name, split, factors=4)
    context = split.train.latest_context(split.n_users)
    query = Query(torch.tensor([2]), None, {name: torch.from_numpy(v[[2]]) for name, v in context.items()})
    with torch.no_grad(), scaled_fields(model, torch.ones(1)) as sides:
        _forward(model, query, 5, 1)
    names, inputs = [side.names for side in sides], tuple(side.vectors for side in sides)

    def score(*given: torch.Tensor) -> torch.Tensor:
        """The score of field vectors, in the order in which the model reads them."""
        left = iter(given)
        parts = [part for part in model.modules() if isinstance(part, FieldEmbeddings)]
        for part in parts:
            part.user_side = part.item_side = lambda _: next(left)  # type: ignore[method-assign,assignment]
        try:
            return _forward(model, query, 5, len(given[0]))
        finally:
            for part in parts:
                del part.user_side, part.item_side

    parts = captum.IntegratedGradients(score).attribute(inputs, n_steps=2000, method="riemann_middle")
    theirs: dict[str, float] = {}
    for fields, part in zip(names, parts, strict=True):
        for name, value in zip(fields, part.sum(-1).flatten().tolist(), strict=True):
            theirs[name] = theirs.get(name, 0.0) + value
    ours, _ = integrated_gradients(model, query, 5)
    assert ours == {name: pytest.approx(value, abs=within) for name, value in theirs.items()}

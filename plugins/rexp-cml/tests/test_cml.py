"""The model and the loss against their formulas."""

from __future__ import annotations

import pytest
import torch
from rexp_cml.hinge import Hinge, HingeConfig
from rexp_cml.model import CML, CMLConfig

from rexp.api import Batch, Capability, DataSpec, Query

SPEC = DataSpec(n_users=5, n_items=7, n_train=20)


@pytest.fixture
def model() -> CML:
    torch.manual_seed(0)
    made = CML(CMLConfig(factors=4), SPEC)
    with torch.no_grad():
        made.users.weight[0] *= 10  # far outside the ball
        made.items.weight[3] *= 0.01  # deep inside
    return made


def test_a_score_is_minus_the_squared_distance_of_points_in_the_unit_ball(model: CML) -> None:
    query, items = Query(torch.arange(5)), torch.arange(7)
    users, points = model.user_embeddings(query).detach(), model.item_embeddings().detach()
    assert torch.cat([users, points]).norm(dim=1).max() <= 1 + 1e-6
    torch.testing.assert_close(points[3], model.items.weight[3])  # what is inside stays where it is
    expected = torch.tensor([[-sum((a - b) ** 2 for a, b in zip(u, i, strict=True)) for i in points] for u in users])
    torch.testing.assert_close(model.score(query, items.expand(5, 7)), expected)
    torch.testing.assert_close(model.score_all(query), expected)
    torch.testing.assert_close(model.score(query, items[:5]), expected.diagonal())


def test_the_penalty_is_zero_for_uncorrelated_coordinates_and_is_stated_only_where_it_counts(model: CML) -> None:
    batch = Batch(Query(torch.tensor([0, 1])), torch.tensor([[0, 1], [2, 3]]))
    with torch.no_grad():
        for table in (model.users.weight, model.items.weight):
            table.zero_()
        model.users.weight[0, 0] = model.users.weight[1, 1] = 0.5
        model.items.weight[0, 0] = model.items.weight[1, 1] = -0.5
        assert model.penalty(batch) == 0
        model.users.weight[0, 1] = 0.5
    points = torch.cat([model.users.weight[:2], model.items.weight[:4]])
    covariance = torch.cov(points.T, correction=0)
    torch.testing.assert_close(model.penalty(batch), covariance.fill_diagonal_(0).square().sum())
    assert Capability.REGULARIZED in model.capabilities()
    assert Capability.REGULARIZED not in CML(CMLConfig(covariance=0), SPEC).capabilities()
    assert Capability.DOT_PRODUCT not in model.capabilities()


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 0.4), ("sum", 1.2)])
def test_the_hinge_counts_what_is_nearer_than_the_margin(reduction: str, expected: float) -> None:
    scores = torch.tensor([[-0.1, -2.0], [-0.4, -0.2], [-1.0, -1.0]])
    batch = Batch(Query(torch.arange(3)), torch.zeros(3, 2, dtype=torch.int64))
    loss = Hinge(HingeConfig(margin=0.5, reduction=reduction))(scores, batch)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(expected)


def test_gradients_reach_users_and_items_inside_and_outside_the_ball(model: CML) -> None:
    batch = Batch(Query(torch.arange(5)), torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [5, 6]]))
    loss = Hinge(HingeConfig(margin=5.0))(model.score(batch.query, batch.items), batch) + model.penalty(batch)
    loss.backward()
    for table in (model.users.weight, model.items.weight):
        assert table.grad is not None
        assert table.grad.isfinite().all()
        assert (table.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize(
    "make", [lambda: CMLConfig(factors=0), lambda: CMLConfig(covariance=-1), lambda: HingeConfig(margin=0)]
)
def test_impossible_options_are_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]

"""Tables whose first columns are trained to do without the others."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rexp.api import Query
from rexp.compress.base.coupled_tables import read_together
from rexp.compress.embed.matryoshka import Matryoshka, MatryoshkaConfig, prefix_masks
from rexp.compress.prune.columns import Columns, ColumnsConfig
from rexp.models.lightgcn import LightGCN, LightGCNConfig
from rexp.models.ncf import NCF, NCFConfig
from tests.compress.embed.helpers import SPLIT, context, mf

USERS = torch.arange(SPLIT.n_users)
MODELS: dict[str, Callable[[], Any]] = {
    "mf": lambda: mf(factors=12),
    "ncf": lambda: NCF(NCFConfig(factors=4), SPLIT.spec),
    "lightgcn": lambda: LightGCN(LightGCNConfig(factors=12, layers=2), SPLIT.spec),
}


def made(name: str) -> Any:
    torch.manual_seed(0)
    model = MODELS[name]()
    if name == "lightgcn":
        model.bind(SPLIT)
    return model.train()


def objective(model: Any) -> torch.Tensor:
    """Some loss of a model's scores of every pair."""
    scores: torch.Tensor = model.score(Query(USERS), torch.arange(SPLIT.n_items).expand(len(USERS), -1))
    return (scores - 1).square().mean()


STEP: Any = SimpleNamespace(objective=objective)


def test_a_width_has_the_first_columns_of_every_reader_and_all_biases() -> None:
    model = mf(factors=12, item_bias=True)
    masks = prefix_masks(*read_together(model, ["*"], []), 0.25)
    assert masks["users"].tolist() == [1] * 3 + [0] * 9
    assert masks["items"].tolist() == [1] * 3 + [0] * 9 + [1]
    # GMF's four columns, then the sixteen that the tower reads.
    masks = prefix_masks(*read_together(made("ncf"), ["*"], []), 0.5)
    assert masks["users"].tolist() == masks["items"].tolist() == [1, 1, 0, 0] + [1] * 8 + [0] * 8


@pytest.mark.parametrize("name", MODELS)
def test_the_loss_of_a_width_is_that_of_the_model_cut_to_it(name: str) -> None:
    model = made(name)
    hook = Matryoshka(MatryoshkaConfig(widths=(0.5, 0.25), weight=2.0)).attach(model, context())
    losses = hook.loss(STEP)
    for place, share in enumerate((0.5, 0.25), 1):
        cut = made(name)
        Columns(ColumnsConfig(by="order", keep=share)).apply(cut, context())
        assert losses[f"width-{place}"].item() == pytest.approx(2 * objective(cut.train()).item(), rel=1e-5)


def test_what_is_behind_a_width_has_no_part_in_its_loss() -> None:
    model = made("mf")
    hook = Matryoshka(MatryoshkaConfig(widths=(0.25,))).attach(model, context())
    before = objective(model).item()
    hook.loss(STEP)["width-1"].backward()
    assert model.users.weight.grad[:, :3].abs().min() > 0
    assert not model.users.weight.grad[:, 3:].any()
    assert objective(model).item() == before, "the model is whole afterwards"
    assert not list(hook.parameters()), "and no part of the hook"


def test_masks_are_where_the_model_is() -> None:
    model = made("mf")
    hook = Matryoshka(MatryoshkaConfig()).attach(model, context()).to("meta")
    model.to("meta")
    step: Any = SimpleNamespace(objective=lambda one: one.users.weight.sum() + one.items.weight.sum())
    assert {loss.device.type for loss in hook.loss(step).values()} == {"meta"}
    assert not hook.state_dict(), "a checkpoint holds none of them"


@pytest.mark.parametrize(
    ("options", "said"),
    [({"widths": ()}, "at least"), ({"widths": (0.5, 1.0)}, "below 1"), ({"weight": 0.0}, "above 0")],
)
def test_options_without_a_meaning_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MatryoshkaConfig(**options)

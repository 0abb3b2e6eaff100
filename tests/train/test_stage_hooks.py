"""What a stage attached is looked at before a fit begins with it."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import nn

from rexp.api import Batch, Query
from rexp.errors import RunError
from rexp.train.stage_hooks import TrainingStep, check_hook
from tests.compress.embed.helpers import mf


class Hook(nn.Module):
    """Does nothing, with all methods."""

    def __init__(self, **kept: Any) -> None:
        super().__init__()
        for name, value in kept.items():
            setattr(self, name, value)

    def loss(self, step: Any) -> dict[str, Any]:
        return {}

    def after_step(self) -> None: ...

    def on_epoch(self, epoch: int) -> None: ...

    def finish(self) -> None: ...


def test_vectors_of_some_items_are_those_of_all_with_the_same_gradient() -> None:
    model, items = mf(user_bias=True, item_bias=True), torch.tensor([7, 0, 40])

    class Whole(nn.Module):
        """The same model, which knows the vectors of all items alone."""

        item_embeddings = staticmethod(model.item_embeddings)

    found = []
    for asked in (model, Whole()):
        batch = Batch(Query(torch.tensor([1])), items[None], None)
        step = TrainingStep(
            cast("Any", asked), batch, torch.empty(0), lambda users: Query(users), False, cast("Any", None)
        )
        vectors = step.item_embeddings(items)
        model.zero_grad()
        vectors.pow(3).sum().backward()
        assert model.items.weight.grad is not None
        found.append((vectors, model.items.weight.grad.clone()))
    (few, of_few), (whole, of_whole) = found
    assert torch.equal(few, whole)
    torch.testing.assert_close(of_few, of_whole)
    assert of_few.abs().sum() > 0


def test_layers_of_its_own_and_what_is_held_in_a_list_are_its_affair() -> None:
    model = mf()
    check_hook(Hook(layer=nn.Linear(2, 2), held=[model, model.users.weight]), model, "stage 'mine'")


@pytest.mark.parametrize(("part", "path"), [("", "kept"), ("users", "kept.weight")])
def test_a_hook_that_keeps_the_model_or_a_part_is_told_so(part: str, path: str) -> None:
    model = mf()
    with pytest.raises(RunError) as told:
        check_hook(Hook(kept=model.get_submodule(part)), model, "stage 'mine' (pull)")
    assert str(told.value).startswith(
        f"stage 'mine' (pull) keeps the model, or a part of it, as a module of its own (self.{path})"
    )
    assert "StageContext.student" in str(told.value)


def test_a_hook_inside_the_model_is_told_so() -> None:
    model, hook = mf(), Hook()
    model.inside = hook
    with pytest.raises(RunError, match="as a module of its own, so that"):
        check_hook(hook, model, "stage 'mine'")


def test_what_is_no_hook_is_told_so() -> None:
    with pytest.raises(RunError, match=r"attaches a dict, which is no nn\.Module"):
        check_hook({}, mf(), "stage 'mine'")
    with pytest.raises(RunError, match="attaches a Linear, which lacks loss, after_step, on_epoch, finish"):
        check_hook(nn.Linear(1, 1), mf(), "stage 'mine'")

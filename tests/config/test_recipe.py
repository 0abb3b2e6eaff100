"""Recipes from words: where a stage may stand, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from rexp.config.recipe import Recipe, TrainingStep, control_recipe, plan_recipe
from rexp.errors import ConfigError

STAGES = {name: {"name": name} for name in ("kd", "bd", "magnitude", "rotate", "pack", "structured", "lowrank")}


def recipe(*order: Any) -> Recipe:
    words = {word for step in order for word in (step if isinstance(step, list) else [step])}
    return plan_recipe(list(order), {name: node for name, node in STAGES.items() if name in words})


def test_a_stage_may_act_inside_several_fits() -> None:
    twice = recipe(["fit", "kd"], "rotate", ["finetune", "magnitude", "kd"], "pack")
    first, _, second, _ = twice.steps
    assert first.stages[0] == second.stages[1]
    assert twice.plain()["order"] == [["fit", "kd"], "rotate", ["finetune", "magnitude", "kd"], "pack"]
    assert list(twice.plain()["stages"]) == ["kd", "rotate", "magnitude", "pack"]
    assert twice.plain(1) == recipe(["fit", "kd"]).plain()


def test_the_control_of_a_stage_that_stands_twice_leaves_out_both() -> None:
    control = control_recipe(recipe(["fit", "kd"], "rotate", ["finetune", "magnitude", "kd"], "pack"))
    assert [step.words for step in control.steps] == ["fit", "rotate", "finetune"]
    assert control.steps[0] == TrainingStep("fit")


def test_a_stage_of_its_own_may_come_again_once_something_was_trained() -> None:
    again = recipe("fit", "structured", "finetune", "structured", "finetune")
    assert again.steps[1] == again.steps[3]


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ([["fit", "kd", "kd"]], "has 'kd' twice in [kd,kd]; give each its own key"),
        (["fit", "rotate", "rotate"], "has 'rotate' twice and trains nothing between them"),
        (["lowrank", "lowrank", "fit"], "has 'lowrank' twice and trains nothing between them"),
        (["fit", "pack", "rotate", "pack"], "has 'pack' twice and trains nothing between them"),
        ([["fit", "bd"], ["finetune", "bd"]], "its teacher is trained within one step and would begin anew"),
        (["fit", "pack", "finetune"], "nothing can be trained after 'pack'"),
    ],
)
def test_a_stage_that_stands_twice_for_nothing_is_refused(order: list[Any], text: str) -> None:
    with pytest.raises(ConfigError) as error:
        recipe(*order)
    assert text in str(error.value)


@pytest.mark.parametrize("order", [[["fit", "it"]], ["it", "fit"]])
def test_what_measures_a_fitted_model_is_no_part_of_its_fit(order: list[Any]) -> None:
    name = "magnitude" if isinstance(order[0], list) else "pack"
    with pytest.raises(ConfigError, match=r"measures a fitted model; put it into a fine-tune|belongs after the fit"):
        plan_recipe(order, {"it": {"name": name, "sparsity": "auto"}})
    assert plan_recipe(["fit", ["finetune", "it"]], {"it": {"name": "magnitude", "sparsity": "auto"}})

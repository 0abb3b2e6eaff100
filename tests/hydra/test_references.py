"""What may stand beside a run that did not ask for it."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from rexp.experiment.baselines import SMALL, is_quick
from rexp.hydra.references import _names


@pytest.mark.parametrize(
    ("name", "n_items", "quick"), [("ease", SMALL, True), ("ease", SMALL + 1, False), ("pop", 10**6, True)]
)
def test_a_dense_matrix_of_many_items_is_left_out(name: str, n_items: int, quick: bool) -> None:
    assert is_quick(name, n_items) is quick


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({}, ["ease", "pop"]),
        ({"catalogue": "all"}, ["ease", "pop", "random"]),
        ({"catalogue": "cold"}, ["random"]),
        ({"catalogue": "all", "targets": "cold"}, ["random"]),
    ],
)
def test_chance_stands_beside_figures_of_cold_items(rules: dict[str, str], names: list[str]) -> None:
    node = {"references": None, "data": {"name": "csv"}, "evaluate": {"protocol": "full", **rules}}
    assert _names(OmegaConf.create(node)) == names

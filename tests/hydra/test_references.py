"""What may stand beside a run that did not ask for it."""

from __future__ import annotations

import pytest

from rexp.experiment.baselines import SMALL, is_quick


@pytest.mark.parametrize(
    ("name", "n_items", "quick"), [("ease", SMALL, True), ("ease", SMALL + 1, False), ("pop", 10**6, True)]
)
def test_a_dense_matrix_of_many_items_is_left_out(name: str, n_items: int, quick: bool) -> None:
    assert is_quick(name, n_items) is quick

"""Which weights stay."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rexp.compress.prune._masks import n_kept, topk_masks


def test_the_largest_of_all_of_each_or_of_each_row() -> None:
    first = torch.tensor([[1.0, -8.0, 2.0], [7.0, 0.5, 0.1]])
    second = torch.tensor([[-0.2, 9.0]])
    masks = topk_masks([first, second], 0.5, "global")
    assert [mask.tolist() for mask in masks] == [[[False, True, True], [True, False, False]], [[False, True]]]
    masks = topk_masks([first, second], 0.5, "layer")
    assert [mask.tolist() for mask in masks] == [[[False, True, True], [True, False, False]], [[False, True]]]
    masks = topk_masks([first, second], 2 / 3, "row")
    assert [mask.tolist() for mask in masks] == [[[False, True, False], [True, False, False]], [[False, True]]]


def test_a_floor_keeps_a_row_of_small_weights() -> None:
    matrix = torch.tensor([[9.0, 8.0, 7.0, 6.0], [0.4, 0.1, 0.3, 0.2]])
    (mask,) = topk_masks([matrix], 0.5, "global", min_per_row=1)
    assert mask.tolist() == [[True, True, True, False], [True, False, False, False]]
    (mask,) = topk_masks([matrix], 0.99, "global", min_per_row=2)  # the floor keeps more than was asked
    assert mask.tolist() == [[True, True, False, False], [True, False, True, False]]


@given(
    st.integers(1, 9), st.integers(1, 9), st.floats(0, 0.999), st.sampled_from(["global", "layer"]), st.integers(0, 3)
)
def test_so_many_stay_exactly(rows: int, columns: int, sparsity: float, scope: str, floor: int) -> None:
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows * 10 + columns))
    (mask,) = topk_masks([matrix], sparsity, scope, floor)  # type: ignore[arg-type]
    wanted = max(n_kept(matrix.numel(), sparsity), rows * min(floor, columns))
    assert int(mask.sum()) == wanted
    if not floor and 0 < wanted < matrix.numel():
        assert matrix[mask].abs().min() >= matrix[~mask].abs().max()


@pytest.mark.parametrize("scope", ["global", "layer", "row"])
def test_nothing_goes_at_sparsity_0(scope: str) -> None:
    assert all(mask.all() for mask in topk_masks([torch.zeros(3, 4), torch.randn(2, 5)], 0.0, scope))  # type: ignore[arg-type]

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rexp.evaluate.topk import NEVER, stable_topk


def sorted_columns(row, k, preference):
    """The definition: sort by score, then preference."""
    order = sorted((c for c in range(len(row)) if row[c] > NEVER), key=lambda c: (-row[c], -preference[c]))
    return (order[:k] + [-1] * k)[:k]


scores = st.integers(1, 12).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([NEVER, -1.5, 0.0, 1.0, 2.0]), min_size=width, max_size=width), min_size=1, max_size=6
    )
)


@given(scores, st.integers(1, 14), st.randoms(use_true_random=False))
def test_equals_a_stable_sort(rows, k, random):
    width = len(rows[0])
    preference = [random.sample(range(width), width) for _ in rows]
    columns, tied = stable_topk(torch.tensor(rows), k, torch.tensor(preference))
    for row, own, found, ties in zip(rows, preference, columns.tolist(), tied.tolist(), strict=True):
        assert found == sorted_columns(row, k, own)
        ranked = sorted((score for score in row if score > NEVER), reverse=True)
        for rank in range(k):
            assert ties[rank] == (rank + 1 < len(ranked) and ranked[rank] == ranked[rank + 1])


def test_one_preference_for_all_rows():
    columns, _ = stable_topk(torch.zeros(3, 5), 2, torch.tensor([[4, 3, 2, 1, 0]]))
    assert columns.tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("width", [100, 5000])
def test_wide_rows_with_many_ties(width):
    table = torch.randint(0, 4, (8, width), generator=torch.Generator().manual_seed(1)).float()
    columns, tied = stable_topk(table, 20, torch.arange(width - 1, -1, -1).unsqueeze(0))
    assert torch.equal(columns, table.sort(dim=1, descending=True, stable=True).indices[:, :20])
    assert tied[:, -1].all()

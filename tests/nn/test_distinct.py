"""Distinct ids are those that sorting finds, whichever way they are found."""

import pytest
import torch

from rexp.nn.distinct import PLACES_AN_ID, distinct


@pytest.mark.parametrize("highest", [5, 300, 300 * PLACES_AN_ID - 1, 300 * PLACES_AN_ID, 10**9])
@pytest.mark.parametrize("lowest", [-1, 0])
def test_distinct_ids_are_sorted_and_without_padding(highest: int, lowest: int) -> None:
    ids = torch.randint(lowest, highest, (100, 3), generator=torch.Generator().manual_seed(0))
    ids[4, 1] = highest
    assert distinct(ids).tolist() == sorted(set(ids.flatten().tolist()) - {-1})


def test_nothing_but_padding_has_no_ids() -> None:
    assert distinct(torch.full((2, 3), -1)).tolist() == []
    assert distinct(torch.empty(0, dtype=torch.long)).tolist() == []

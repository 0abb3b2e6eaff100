from __future__ import annotations

import numpy as np
import torch

from rexp.evaluate.user_items import UserItems

from .helpers import make_split

SPLIT = make_split([(0, 3), (0, 1), (2, 2), (2, 2)], [(1, 0)], n_users=4, n_items=5)
CPU = torch.device("cpu")


def test_a_block_in_any_order():
    rows, items = UserItems(SPLIT, ["train"], CPU).block(torch.tensor([2, 1, 0]))
    assert rows.tolist() == [0, 2, 2]
    assert items.tolist() == [2, 1, 3]


def test_items_that_do_not_count_are_left_out():
    kept = UserItems(SPLIT, ["train"], CPU, np.array([True, True, False, True, True]))
    assert kept.counts.tolist() == [2, 0, 0, 0]
    rows, items = kept.block(torch.arange(4))
    assert (rows.tolist(), items.tolist()) == ([0, 0], [1, 3])


def test_contains():
    train = UserItems(SPLIT, ["train"], CPU)
    found = train.contains(torch.tensor([2, 0]), torch.tensor([[2, 3, -1], [2, 3, -1]]))
    assert found.tolist() == [[True, False, False], [False, True, False]]
    assert train.contains(torch.tensor([0, 3]), torch.tensor([[1, 4]])).tolist() == [[True, False], [False, False]]


def test_no_items_at_all():
    nothing = UserItems(SPLIT, [], CPU)
    assert nothing.counts.tolist() == [0, 0, 0, 0]
    assert nothing.block(torch.arange(4))[0].numel() == 0
    assert not nothing.contains(torch.arange(4), torch.zeros(4, 1).long()).any()

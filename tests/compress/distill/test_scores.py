"""Rows of tables where the step is: none of its tensors goes back to the CPU."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch

from rexp.compress.distill._scores import _PLACED, placed, rows_of, student_scores, student_scores_of_users

from .helpers import OneStep, mf, pairs, split_of

TABLE = torch.arange(12, dtype=torch.int32).view(4, 3)


def test_rows_are_those_of_the_ids() -> None:
    rows = rows_of(TABLE, torch.tensor([2, 0]))
    assert rows.dtype == torch.int64
    assert rows.tolist() == [[6, 7, 8], [0, 1, 2]]


def test_ids_of_another_device_stay_there() -> None:
    # From "meta" nothing can be copied: that a step reads its rows there shows that no id left the device.
    ids = torch.tensor([2, 0], device="meta")
    with pytest.raises(NotImplementedError):
        ids.cpu()
    rows = rows_of(TABLE, ids)
    assert (rows.device.type, rows.shape, rows.dtype) == ("meta", (2, 3), torch.int64)


def test_a_table_is_copied_once_and_goes_with_its_original() -> None:
    table = TABLE.clone()
    copy = placed(table, torch.device("meta"))
    assert copy.device.type == "meta"
    assert placed(table, torch.device("meta")) is copy
    assert placed(table, torch.device("cpu")) is table
    before = len(_PLACED)
    del table
    gc.collect()
    assert len(_PLACED) == before - 1


def test_scores_of_half_precision_are_raised() -> None:
    class Half(OneStep):
        def score(self, users: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
            return super().score(users, items).half()

    split = split_of()
    step: Any = Half(mf(split, 4, 0), pairs(split, 8, torch.Generator().manual_seed(0)))
    users, others = torch.tensor([0, 1]), torch.tensor([[3, -1], [2, 4]])
    for scores in (student_scores(step, users, others), student_scores_of_users(step, users, others)):
        assert scores.dtype == torch.float32
        assert scores.isneginf().tolist() == [[False, True], [False, False]]

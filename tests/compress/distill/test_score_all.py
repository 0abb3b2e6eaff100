"""The stored teacher scores a whole catalogue as it scores pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rexp.compress.distill._item_side import top_users
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.models.ncf import NCF, NCFConfig

from .helpers import Teacher, mf, split_of

SPLIT = split_of()


@pytest.mark.parametrize("kind", ["mf", "ncf"])
def test_a_row_is_its_pairs(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = mf(SPLIT, 4, 1) if kind == "mf" else NCF(NCFConfig(), SPLIT.spec)
    teacher, users = StoredTeacher(model, SPLIT, tmp_path), torch.tensor([3, 0, 7])
    items = torch.arange(SPLIT.n_items).expand(3, -1)
    torch.testing.assert_close(teacher.score_all(users), teacher.scores(users, items))


def test_the_item_s_side_of_a_stored_teacher(tmp_path: Path) -> None:
    stored, plain = StoredTeacher(mf(SPLIT, 4, 1), SPLIT, tmp_path), Teacher(mf(SPLIT, 4, 1), SPLIT)
    assert torch.equal(top_users(stored, SPLIT, 6), top_users(plain, SPLIT, 6))

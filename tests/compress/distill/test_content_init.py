"""What a student of ids knows of cold items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rexp.api import Requirement, StageContext
from rexp.compress.distill.content_init import ContentInit, ContentInitConfig
from rexp.compress.distill.kd import KD, KDConfig
from rexp.compress.distill.rrd import RRDConfig, user_lists
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.errors import ConfigError
from rexp.models.mf import MF, MFConfig

from ...models.described import PICTURES, described, units, weighted
from ...models.test_content_map import ridge
from .helpers import Teacher, mf, split_of


class Pictures:
    """A teacher whose vectors of items are pictures."""

    def item_embeddings(self, items: Tensor) -> Tensor:
        return torch.from_numpy(PICTURES)[items]


def applied(model: MF, folder: Path, **options: Any) -> dict[str, float]:
    """What the stage found."""
    teacher: Any = Pictures()
    context = StageContext(described(folder), torch.Generator().manual_seed(0), teacher=teacher)
    ContentInit(ContentInitConfig(**options)).apply(model, context)
    return context.found


def student(folder: Path) -> MF:
    torch.manual_seed(0)
    return MF(MFConfig(factors=4, init_scale=1.0), described(folder).spec)


@pytest.mark.parametrize("source", ["teacher", "content"])
def test_cold_rows_are_mapped_and_warm_ones_stay(source: Any, tmp_path: Path) -> None:
    model = student(tmp_path)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = applied(model, tmp_path, source=source, l2=0.3)
    known = units(PICTURES) if source == "teacher" else weighted()
    expected = ridge(known, before["items.weight"].double().numpy(), 0.3)  # the last column, of biases, too
    np.testing.assert_allclose(model.items.rows().detach()[5:], expected[5:], atol=1e-4)
    assert torch.equal(model.items.rows()[:5], before["items.weight"][:5])
    assert torch.equal(model.users.rows(), before["users.weight"])
    assert found == {"cold_items": 2}


def test_a_table_that_is_none_of_items_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none of the tables users has a row for each of 7 items"):
        applied(student(tmp_path), tmp_path, targets=("users",))


def test_content_needs_no_teacher() -> None:
    assert ContentInit(ContentInitConfig(source="content")).needs == {Requirement.TABLES}
    assert Requirement.TEACHER in ContentInit(ContentInitConfig()).needs
    with pytest.raises(ValueError, match="l2"):
        ContentInitConfig(l2=0.0)


def test_lists_of_cold_items_are_taught_where_it_is_asked(tmp_path: Path) -> None:
    split = split_of()
    split = replace(split, train=split.train.take(split.train.items % 3 > 0))
    cold = np.flatnonzero(split.train_users_per_item == 0)
    teacher = StoredTeacher(mf(split, 4, 1), split, tmp_path)
    context = StageContext(split, torch.Generator().manual_seed(0), teacher=teacher)
    for catalogue in ("train", "all"):
        hook: Any = KD(KDConfig(k=8, catalogue=catalogue)).attach(mf(split, 4, 2), context)
        hook.on_epoch(1)
        assert np.isin(hook.lists.numpy(), cold).any() == (catalogue == "all")
        wanted = hook.scale.of(teacher.top_scores(8, catalogue=catalogue))
        torch.testing.assert_close(hook.targets[:, :8], wanted)
        lists = user_lists(RRDConfig(n_positive=4, depth=8, catalogue=catalogue), context)
        assert np.isin(lists.best.numpy(), cold).any() == (catalogue == "all")


def test_as_many_users_as_items_are_not_taken_for_them() -> None:
    split = split_of(n_users=40, n_items=40, taken=2)
    model = mf(split, 4, 0)
    users = model.users.rows().clone()
    context = StageContext(split, torch.Generator().manual_seed(0), teacher=Teacher(mf(split, 3, 1), split))
    with pytest.raises(ConfigError, match=r"as many users as items \(40\).*of users, items"):
        ContentInit(ContentInitConfig()).apply(model, context)
    ContentInit(ContentInitConfig(targets=("items",))).apply(model, context)
    assert torch.equal(model.users.rows(), users)
    assert context.found["cold_items"] > 0

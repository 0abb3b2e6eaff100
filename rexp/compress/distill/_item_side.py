"""The item's side: which users the teacher finds best for an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rexp.compress.student import hide_train
from rexp.data.types import PADDING

if TYPE_CHECKING:
    from rexp.api import TeacherView
    from rexp.data.split import Split

USERS_AT_ONCE = 512
ITEMS_AT_ONCE = 4096


def train_users(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Every item's users in the training part, in compressed rows: offsets (I + 1,) int64, users int32 ascending."""
    offsets, items = split.user_items(["train"])
    users = np.repeat(np.arange(split.n_users, dtype=np.int32), np.diff(offsets))
    order = np.argsort(items, kind="stable")
    starts = np.concatenate([[0], np.bincount(items, minlength=split.n_items).cumsum()])
    return starts.astype(np.int64), users[order]


def top_users(teacher: TeacherView, split: Split, k: int) -> Tensor:
    """(I, k) int32: the users for whom the teacher scores an item highest, beside its training users, best first; -1
    where fewer are left. Users are read in blocks, so that no table of all pairs is held."""
    best = torch.full((split.n_items, k), PADDING, dtype=torch.int32)
    highest = torch.full((split.n_items, k), -torch.inf)
    for users in torch.split(torch.arange(split.n_users), USERS_AT_ONCE):
        scores = hide_train(teacher.score_all(users), users, split)
        for start in range(0, split.n_items, ITEMS_AT_ONCE):
            rows = slice(start, start + ITEMS_AT_ONCE)
            block = scores[:, rows].T
            candidates = torch.cat([best[rows], users.int().expand(block.shape)], 1)
            highest[rows], places = torch.cat([highest[rows], block], 1).topk(k, dim=1)
            best[rows] = candidates.gather(1, places)
    return best.masked_fill_(highest.isneginf(), PADDING)

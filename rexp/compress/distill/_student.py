"""The student as a stage sees it between epochs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.compress.distill._item_side import hide_train
from rexp.data.types import PADDING
from rexp.evaluate.scoring import Scorer

if TYPE_CHECKING:
    from rexp.data.split import Split

BLOCK_BYTES = 2**26
LONG = 8
"""A list longer than this share of the catalogue is found by sorting it."""


class Student:
    """The model in training, asked for scores of whole rows.

    No module, so that a stage that keeps it does not take the model's parameters for its own.

    Args:
        model: the student.
        split: its training part is what the model may see.
    """

    def __init__(self, model: Any, split: Split) -> None:
        self.model, self.split = model, split

    def catalogue(self, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of users (B,), ascending, and their scores (B, n_items) on the CPU, -inf for training items.

        A block of scores takes ``block_bytes``. The model is in evaluation mode meanwhile.
        """
        device = next(self.model.parameters()).device
        at_once = max(1, block_bytes // (4 * self.split.n_items))
        training = self.model.training
        self.model.eval()
        try:
            scorer = Scorer(self.model, self.split, ["train"], device, block_bytes)
            for users in torch.split(torch.arange(self.split.n_users), at_once):
                with torch.no_grad():
                    scores = hide_train(scorer.catalogue(users).cpu(), users, self.split)
                # Outside: what is yielded within switches gradients off for the one who takes it.
                yield users, scores
        finally:
            self.model.train(training)

    def top_items(self, k: int) -> Tensor:
        """(U, k) int32: as :meth:`rexp.api.TeacherView.top_items`, of the student as it is now."""
        table = torch.full((self.split.n_users, k), PADDING, dtype=torch.int32)
        for users, scores in self.catalogue():
            items = _best(scores, min(k, scores.shape[1]))
            gone = scores.gather(1, items).isneginf()
            table[users, : items.shape[1]] = items.int().masked_fill_(gone, PADDING)
        return table


def _best(scores: Tensor, k: int) -> Tensor:
    """(B, k) columns of the highest scores, best first; numpy's sort is several times as fast as torch's long top k."""
    if k * LONG < scores.shape[1]:
        return scores.topk(k, dim=1).indices
    return torch.from_numpy(np.argsort(-scores.numpy(), axis=1)[:, :k].copy())

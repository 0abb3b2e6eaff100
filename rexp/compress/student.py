"""The model in training, as stages may ask it between steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rexp.api import Capability
from rexp.data.types import PADDING
from rexp.errors import ConfigError
from rexp.evaluate.evaluator import device_of
from rexp.evaluate.scoring import Scorer

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.data.split import Split
    from rexp.data.types import Catalogue

BLOCK_BYTES = 2**26
LONG = 8
"""A list longer than this share of the catalog is found by sorting it."""


class Student:
    """A model as it is at the moment it is asked (:class:`rexp.api.StudentView`).

    No module, so that a stage that keeps it does not take the model's parameters for its own.

    Args:
        model: the student.
        split: its training part is what the model may see.
    """

    def __init__(self, model: RecommenderModule, split: Split) -> None:
        self.model, self.split = model, split

    def catalog(self, block_bytes: int = BLOCK_BYTES, *, hide_train: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of users (B,), ascending, and their scores (B, n_items) on the CPU, -inf for training items unless
        ``hide_train`` is False.

        A block of scores takes ``block_bytes``. The model is in evaluation mode meanwhile.
        """
        at_once = max(1, block_bytes // (4 * self.split.n_items))
        with self._asked(block_bytes) as scorer:
            for users in torch.split(torch.arange(self.split.n_users), at_once):
                with torch.no_grad():
                    scores = scorer.catalogue(users).cpu()
                # Outside: what is yielded within switches gradients off for the one who takes it.
                yield users, _without_train(scores, users, self.split) if hide_train else scores

    def top_items(self, k: int, *, hide_train: bool = True, catalogue: Catalogue = "all") -> Tensor:
        """(U, k) int32: every user's best items, best first; -1 where fewer are left. With ``catalogue="train"`` none
        that nobody took in the training part."""
        table = torch.full((self.split.n_users, k), PADDING, dtype=torch.int32)
        outside = torch.from_numpy(np.flatnonzero(~self.split.in_catalogue(catalogue)))
        for users, scores in self.catalog(hide_train=hide_train):
            scores.index_fill_(1, outside, -torch.inf)
            items = _best(scores, min(k, scores.shape[1]))
            gone = scores.gather(1, items).isneginf()
            table[users, : items.shape[1]] = items.int().masked_fill_(gone, PADDING)
        return table

    def scores(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        """Logits of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``; in contexts (B,)."""
        with self._asked() as scorer, torch.no_grad():
            return scorer.pairs_of(users, items.to(scorer.device), features).cpu()

    def score_all(self, users: Tensor) -> Tensor:
        """(B, I) logits of the whole catalog for ``users`` (B,)."""
        with self._asked() as scorer, torch.no_grad():
            return scorer.catalogue(users).cpu()

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) vectors of ``users`` (B,)."""
        self._check_embeds()
        with self._asked() as scorer, torch.no_grad():
            return self.model.user_embeddings(scorer.query(users)).cpu()

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) vectors of ``items`` (B,)."""
        self._check_embeds()
        with self._asked(), torch.no_grad():
            return self.model.item_embeddings().cpu().index_select(0, items.cpu())

    @contextmanager
    def _asked(self, block_bytes: int = BLOCK_BYTES) -> Iterator[Scorer]:
        """What scores, with the model in evaluation mode."""
        training = self.model.training
        self.model.eval()
        try:
            yield Scorer(self.model, self.split, ["train"], device_of(self.model), block_bytes)
        finally:
            self.model.train(training)

    def _check_embeds(self) -> None:
        if Capability.HAS_EMBEDDINGS not in self.model.capabilities():
            raise ConfigError(
                f"the student ({type(self.model).__name__}) has no vectors of users and items, which a stage asks it "
                "for; take one that has (mf, lightgcn, two_tower)"
            )


def hide_train(scores: Tensor, users: Tensor, split: Split) -> Tensor:
    """Put -inf, in place, where a user of ``users`` (B,), one after another, took the item: scores (B, n_items)."""
    offsets, items = split.user_items(["train"])
    start, end = int(users[0]), int(users[-1]) + 1
    rows = np.repeat(np.arange(end - start), np.diff(offsets[start : end + 1]))
    scores[torch.from_numpy(rows), torch.from_numpy(items[offsets[start] : offsets[end]]).long()] = -torch.inf
    return scores


_without_train = hide_train  # which is an option's name too


def _best(scores: Tensor, k: int) -> Tensor:
    """(B, k) columns of the highest scores, best first; numpy's sort is several times as fast as torch's long top k."""
    if k * LONG < scores.shape[1]:
        return scores.topk(k, dim=1).indices
    return torch.from_numpy(np.argsort(-scores.numpy(), axis=1)[:, :k].copy())

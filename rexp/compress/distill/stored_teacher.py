"""Cached view of a stored teacher: top lists, logits and embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from rexp.api import Capability
from rexp.compress.distill.ensemble import Ensemble
from rexp.errors import ConfigError
from rexp.evaluate.scoring import Scorer, pairs_in
from rexp.evaluate.top_items import BLOCK_BYTES, top_items
from rexp.io.locks import locked
from rexp.io.text import warn
from rexp.nn.dot import dot
from rexp.store.kept import fault_of, keep

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Catalogue, Part

Array = np.ndarray[Any, Any]


class StoredTeacher:
    """A finished run's model, asked through arrays that are memory-mapped (:class:`rexp.api.TeacherView`).

    Args:
        model: the run's, in evaluation mode.
        split: the data that it and the student are trained on.
        folder: where its lists and vectors are kept; several processes may share it.
        code: versions of what computes them, by distribution; other code makes them again.
    """

    def __init__(self, model: Any, split: Split, folder: Path, code: Mapping[str, str] | None = None) -> None:
        self._model, self._split, self._folder = model.requires_grad_(False).eval(), split, folder
        self._origin = {"weights": weights_hash(model), "data": split.fingerprint, "code": dict(code or {})}
        capabilities = model.capabilities()
        self._embeds = Capability.HAS_EMBEDDINGS in capabilities
        self._dot = Capability.DOT_PRODUCT in capabilities
        self.lists_only = Capability.LISTS_ONLY in capabilities
        self._scorer = Scorer(self._model, split, ["train"], torch.device("cpu"), BLOCK_BYTES)
        self._lists: dict[str, tuple[Tensor, Tensor]] = {}
        self._vectors: dict[str, Tensor] = {}

    def top_items(self, k: int, *, hide_train: bool = True, catalogue: Catalogue = "train") -> Tensor:
        """(U, k) int32: every user's best items of the catalog, beside those of its training part unless
        ``hide_train`` is False; -1 for none."""
        return self._best(k, hide_train, catalogue)[0]

    def top_scores(self, k: int, *, hide_train: bool = True, catalogue: Catalogue = "train") -> Tensor:
        """(U, k) float32: the logits of :meth:`top_items`; -inf for none."""
        return self._best(k, hide_train, catalogue)[1]

    def _best(self, k: int, hide_train: bool, catalogue: Catalogue) -> tuple[Tensor, Tensor]:
        """Lists and their scores, of one pass over the catalog."""
        name = f"best-{k}" if hide_train else f"best-{k}-of-all"
        if catalogue != "train":
            name += f"-catalogue-{catalogue}"
        if name not in self._lists:
            made = cache(lambda: self._make_lists(k, hide_train, catalogue))
            items = self._kept(f"{name}-items", lambda: made()[0])
            self._lists[name] = items, self._kept(f"{name}-scores", lambda: made()[1])
        return self._lists[name]

    def scores(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        """Logits of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``; in contexts (B,)."""
        features = features if self._scorer.reads_context else None
        if self._dot and features is None:
            vectors, rows = self.user_embeddings(users), self.item_embeddings(items.flatten()).view(*items.shape, -1)
            return dot(vectors, rows)
        width = 1 if items.dim() == 1 else items.shape[1]
        block = max(1, pairs_in(BLOCK_BYTES) // width)
        with torch.no_grad():
            parts = torch.split(torch.arange(len(users)), block)
            scores = torch.cat([self._scores(users[rows], items[rows], features, rows) for rows in parts])
        if self.lists_only and bool(scores.isneginf().any()):
            raise ConfigError(
                "a stage asks its teacher for the score of a pair that is in none of its lists; take one that reads "
                "lists (rrd, rd, hard_labels), or a teacher that scores any pair"
            )
        return scores

    def _scores(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None, rows: Tensor) -> Tensor:
        taken = None if features is None else {name: values[rows] for name, values in features.items()}
        scores: Tensor = self._model.score(self._scorer.query(users, taken), items)
        return scores

    def score_all(self, users: Tensor) -> Tensor:
        """(B, I) logits of the whole catalogue for ``users`` (B,)."""
        with torch.no_grad():
            return self._scorer.catalogue(users)

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) vectors of ``users`` (B,)."""
        return self._of("user_embeddings", self._make_user_vectors).index_select(0, users)

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) vectors of ``items`` (B,)."""
        return self._of("item_embeddings", lambda: self._model.item_embeddings().numpy()).index_select(0, items)

    def _of(self, name: str, make: Callable[[], Array]) -> Tensor:
        if not self._embeds:
            raise ConfigError(
                f"the teacher ({type(self._model).__name__}) has no vectors of users and items, which this stage "
                "compares; take one that has (mf, lightgcn, two_tower), or a stage that reads scores (kd, rrd)"
            )
        if name not in self._vectors:
            self._vectors[name] = self._kept(name, make)
        return self._vectors[name]

    def _make_lists(self, k: int, hide_train: bool, catalogue: Catalogue) -> tuple[Array, Array]:
        users = torch.arange(self._split.n_users)
        mask: list[Part] = ["train"] if hide_train else []
        with torch.no_grad():
            items, scores = top_items(self._model, self._split, users, k, mask, shown=["train"], catalogue=catalogue)
        return items.int().numpy(), scores.float().numpy()

    def _make_user_vectors(self) -> Array:
        blocks = torch.split(torch.arange(self._split.n_users), 1024)
        return np.concatenate([self._model.user_embeddings(self._scorer.query(block)).numpy() for block in blocks])

    def _kept(self, name: str, make: Callable[[], Array]) -> Tensor:
        """An array from its file, which is made first where it is not there, or is damaged, or of another teacher;
        mapped, so that jobs share its memory."""
        file = self._folder / f"{name}.npy"
        if fault_of(file, self._origin):
            with locked(self._folder / f".{name}.lock"):
                if fault := fault_of(file, self._origin):
                    if file.exists():
                        warn(f"{fault}; it is made again")
                    with torch.no_grad():
                        array = make()
                    keep(file, self._origin, lambda path: _save(path, array))
        # Mapped for copying on write: nobody writes, and torch takes no read-only array without a warning.
        return torch.from_numpy(np.load(file, mmap_mode="c", allow_pickle=False))


def weights_hash(model: nn.Module) -> str:
    """sha256 over a model's parameters and persistent buffers, and over how an ensemble combines its members."""
    digest = hashlib.sha256(repr((model.weights, model.way) if isinstance(model, Ensemble) else None).encode())
    for name, tensor in sorted(model.state_dict().items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(array.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _save(path: Path, array: Array) -> None:
    with path.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)

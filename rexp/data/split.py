"""The split: immutable train, valid and test interactions that everything downstream reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from rexp.api import DataSpec

Part = Literal["train", "valid", "test"]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Interactions:
    """Columns of interactions in dense ids, sorted by user, then time, then the order of the file.

    Args:
        users: (N,) int32.
        items: (N,) int32.
        ratings: (N,) float32, or None where the data has none.
        times: (N,) int64 (seconds, or an order), or None.
    """

    users: Array
    items: Array
    ratings: Array | None = None
    times: Array | None = None

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: Array) -> Interactions:
        """The chosen rows (a mask or row numbers), in their order."""
        pick = lambda column: None if column is None else column[rows]  # noqa: E731
        return Interactions(self.users[rows], self.items[rows], pick(self.ratings), pick(self.times))

    def offsets(self, n_users: int) -> Array:
        """(n_users + 1,) int64: user u's rows are ``offsets[u]:offsets[u + 1]``."""
        return np.searchsorted(self.users, np.arange(n_users + 1)).astype(np.int64)


@dataclass(frozen=True)
class Split:
    """What a run trains and is measured on; arrays are memory-mapped and read-only.

    Args:
        name: the data set's short name.
        train, valid, test: the parts; valid may be empty.
        n_users, n_items: size of the vocabularies, which span all parts.
        fingerprint: hash of all content: parts, vocabularies, candidates.
        protocol: the protocol that ``evaluate=auto`` takes: "full", "candidates" or "pointwise".
        candidates: (n_users, C) int32, the data's own candidates of each user, padded with -1; or None.
        report: what preparation did: each filter with the rows it left, users dropped, counts.
        directory: the prepared folder, or None for a split made in memory.
    """

    name: str
    train: Interactions
    valid: Interactions
    test: Interactions
    n_users: int
    n_items: int
    fingerprint: str
    protocol: str = "full"
    candidates: Array | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    directory: Path | None = None

    def part(self, name: Part) -> Interactions:
        part: Interactions = getattr(self, name)
        return part

    @property
    def spec(self) -> DataSpec:
        from rexp.api import DataSpec

        return DataSpec(self.n_users, self.n_items, len(self.train))

    def user_items(self, parts: Sequence[Part]) -> tuple[Array, Array]:
        """The items of every user in the given parts, as CSR.

        Returns:
            offsets (n_users + 1,) int64 and items int32, ascending and distinct within a user.
        """
        users = np.concatenate([self.part(part).users for part in parts] or [np.empty(0, np.int32)])
        items = np.concatenate([self.part(part).items for part in parts] or [np.empty(0, np.int32)])
        keys = np.unique(users.astype(np.int64) * self.n_items + items)
        offsets = np.searchsorted(keys, np.arange(self.n_users + 1, dtype=np.int64) * self.n_items)
        return offsets.astype(np.int64), (keys % self.n_items).astype(np.int32)

    @cached_property
    def train_users_per_item(self) -> Array:
        """(n_items,) int64: distinct training users of every item; 0 for a cold one."""
        _, items = self.user_items(["train"])
        return np.bincount(items, minlength=self.n_items).astype(np.int64)

    def user_ids(self) -> pl.Series:
        """The user's own ids by dense id."""
        return self._table("users")["user"]

    def items_table(self) -> pl.DataFrame:
        """One row an item by dense id: ``item`` (its own id) and, where the data has them, ``title``, ``genres`` ..."""
        return self._table("items")

    def _table(self, name: str) -> pl.DataFrame:
        import polars as pl

        if self.directory is None:
            size, column = (self.n_users, "user") if name == "users" else (self.n_items, "item")
            return pl.DataFrame({column: range(size)})
        return pl.read_parquet(self.directory / f"{name}.parquet")

"""The split: immutable train, valid and test interactions that everything downstream reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexp.data.features import read_features, readable
from rexp.data.interactions import Interactions, sorted_distinct
from rexp.data.query import DataSpec, Query
from rexp.data.types import PARTS, Array, Catalogue, Part
from rexp.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from rexp.data.target_candidates import TargetCandidates
    from rexp.data.types import Feature, FeatureSpec
    from rexp.io.content_hash import FileContent
    from rexp.io.json_types import JsonView


@dataclass(frozen=True)
class Split:
    """Train, validation and test interactions; arrays are memory-mapped and read-only.

    Args:
        name: the data set's short name.
        train, valid, test: the parts; valid may be empty.
        n_users, n_items: size of the vocabularies, which span all parts.
        fingerprint: hash of all content: parts, vocabularies, candidates.
        protocol: the protocol that ``evaluate=auto`` takes: "full", "candidates" or "pointwise".
        candidates: (n_users, C) int32, the data's own candidates of each user, padded with -1; or None.
        target_candidates: those of each test item by itself, where the data has a list for each; or None.
        report: what preparation did: each filter with the rows it left, users dropped, counts.
        directory: the prepared folder, or None for a split made in memory.
        sources: the files that it was made from, as they were read.
        feature_specs: features of users, items and contexts by name.
        text_columns: names of the columns that :meth:`text` reads.
        labeled: ratings are labels, 1 or else 0 or -1: the negatives are among the rows.
        family: hash of the whole data and of the splitter without its option ``fold``, which all folds have in common;
            "" where the splitter has no such option.
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
    report: JsonView = field(default_factory=dict)
    directory: Path | None = None
    sources: tuple[FileContent, ...] = ()
    feature_specs: Mapping[str, FeatureSpec] = field(default_factory=dict)
    text_columns: tuple[str, ...] = ()
    labeled: bool = False
    family: str = ""
    target_candidates: TargetCandidates | None = None

    def part(self, name: Part) -> Interactions:
        part: Interactions = getattr(self, name)
        return part

    @property
    def spec(self) -> DataSpec:
        return DataSpec(self.n_users, self.n_items, len(self.train), self.feature_specs, self.text_columns)

    def features(self) -> Mapping[str, Feature]:
        """Features of users and items by names such as ``user.age``, memory-mapped; empty for a split in memory."""
        return self._features

    @property
    def contexts(self) -> dict[str, FeatureSpec]:
        """The specs of contexts, whose values every part has by row."""
        return {name: spec for name, spec in self.feature_specs.items() if spec.side == "context"}

    @cached_property
    def _features(self) -> Mapping[str, Feature]:
        return {} if self.directory is None else read_features(self.directory, self.feature_specs)

    def text(self, name: str) -> list[str]:
        """A column of text by dense id, such as ``item.title``; "" where there is none.

        Raises:
            ConfigError: the data has no such text.
        """
        if name not in self.text_columns:
            raise ConfigError(f"the data has no text '{name}'; {did_you_mean(name, self.text_columns)}")
        side, _, column = name.partition(".")
        text = readable(self._table(f"{side}s")[column])
        assert text is not None
        return text.fill_null("").to_list()

    def user_items(self, parts: Sequence[Part]) -> tuple[Array, Array]:
        """The items of every user in the given parts, as CSR.

        Returns:
            offsets (n_users + 1,) int64 and items int32, ascending and distinct within a user.
        """
        users = np.concatenate([self.part(part).users for part in parts] or [np.empty(0, np.int32)])
        items = np.concatenate([self.part(part).items for part in parts] or [np.empty(0, np.int32)])
        keys = sorted_distinct(users.astype(np.int64) * self.n_items + items)
        offsets = np.searchsorted(keys, np.arange(self.n_users + 1, dtype=np.int64) * self.n_items)
        return offsets.astype(np.int64), (keys % self.n_items).astype(np.int32)

    @cached_property
    def train_users_per_item(self) -> Array:
        """(n_items,) int64: distinct training users of every item; 0 for a cold one."""
        _, items = self.user_items(["train"])
        return np.bincount(items, minlength=self.n_items).astype(np.int64)

    def in_catalogue(self, catalogue: Catalogue) -> Array:
        """(n_items,) bool: the items of a catalogue; "cold" are those without a training interaction."""
        if catalogue == "all":
            return np.ones(self.n_items, bool)
        warm: Array = self.train_users_per_item > 0
        return warm if catalogue == "train" else ~warm

    def query(self, users: Tensor, parts: Sequence[Part], history_length: int | None = None) -> Query:
        """A query with these users' items in ``parts`` and in no other part.

        Args:
            users: (B,) int64.
            parts: shown parts, e.g. ``["train"]`` for validation; none gives a query without history.
            history_length: keep the latest L items; None keeps all.

        Returns:
            a query with (B, L) int64 history, oldest first, padded in front with -1. Parts with times are merged
            in time; else they follow one another as train, valid, test, each in the order of its file.
        """
        import torch

        if not parts:
            return Query(users)
        offsets, items = self._history(tuple(part for part in PARTS if part in parts))
        rows = users.cpu().numpy()
        starts, ends = offsets[rows], offsets[rows + 1]
        longest = int((ends - starts).max(initial=0))
        length = longest if history_length is None else history_length
        places = ends[:, None] - length + np.arange(length)
        known = places >= starts[:, None]
        history = np.full(places.shape, -1, np.int64)
        history[known] = items[places[known]]
        return Query(users, torch.from_numpy(history).to(users.device))

    def _history(self, parts: tuple[Part, ...]) -> tuple[Array, Array]:
        """Every user's items in these parts, oldest first, as CSR; made once."""
        if parts not in self._histories:
            chosen = [self.part(part) for part in parts]
            if len(chosen) == 1:
                self._histories[parts] = chosen[0].offsets(self.n_users), chosen[0].items
            else:
                users = np.concatenate([part.users for part in chosen])
                items = np.concatenate([part.items for part in chosen])
                times = [part.times for part in chosen if part.times is not None]
                # Both sorts are stable, so that equal times keep train before valid.
                timed = len(times) == len(chosen)
                order = np.lexsort((np.concatenate(times), users)) if timed else np.argsort(users, kind="stable")
                offsets = np.searchsorted(users[order], np.arange(self.n_users + 1)).astype(np.int64)
                self._histories[parts] = offsets, items[order]
        return self._histories[parts]

    @cached_property
    def _histories(self) -> dict[tuple[Part, ...], tuple[Array, Array]]:
        return {}

    def genre_matrix(self) -> Array | None:
        """(n_items, G) float32, 1 where the item has the genre (in alphabetical order); None where none are known."""
        import polars as pl

        table = self.items_table()
        if "genres" not in table.columns:
            return None
        pairs = table.select("genres").with_row_index("item").explode("genres").drop_nulls()
        names = pairs["genres"].unique().sort()
        columns = pairs["genres"].cast(pl.Enum(names)).to_physical().to_numpy()
        matrix = np.zeros((self.n_items, len(names)), np.float32)
        matrix[pairs["item"].to_numpy(), columns] = 1
        return matrix

    def user_ids(self) -> pl.Series:
        """The user's own ids by dense id."""
        return self._table("users")["user"]

    def user_name(self, user: int) -> str:
        """A user's name in messages: the data's own id."""
        return f"user {self.user_ids()[user]}"

    def items_table(self) -> pl.DataFrame:
        """One row an item by dense id: ``item`` (its own id) and, where the data has them, ``title``, ``genres`` ..."""
        return self._table("items")

    def _table(self, name: str) -> pl.DataFrame:
        import polars as pl

        if self.directory is None:
            size, column = (self.n_users, "user") if name == "users" else (self.n_items, "item")
            return pl.DataFrame({column: range(size)})
        return pl.read_parquet(self.directory / f"{name}.parquet")

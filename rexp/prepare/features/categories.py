"""Category and set columns: vocabularies of the training part, rare categories joined or hashed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from rexp.data.types import Array, Feature, FeatureSpec, Side
from rexp.errors import ConfigError
from rexp.prepare.features.policy import UNKNOWN, WHERE, ColumnPolicy

SEVERAL = "|"
"""Divides the values of a set that is written as text."""


@dataclass(frozen=True)
class Categories:
    """A vocabulary: category 0 is an unknown one, named ones follow in ascending order, then what is left.

    Args:
        names: of the categories with a number of their own.
        others: how many categories there are for all further names: none, one, or as many as are hashed into.
    """

    names: pl.Series
    others: int = 0

    @property
    def cardinality(self) -> int:
        return 1 + len(self.names) + self.others

    def encode(self, values: pl.Series) -> Array:
        """(n,) int64: the category of each value; 0 for null, and for a further name where there are no others."""
        distinct = values.drop_nulls().unique()
        code = {name: place for place, name in enumerate(self.names.to_list(), 1)}
        first = 1 + len(self.names)
        codes = [code.get(name, first + stable_hash(name, self.others) if self.others else 0) for name in distinct]
        table = pl.DataFrame({"name": distinct, "code": pl.Series(codes, dtype=pl.Int64)})
        frame = pl.DataFrame({"name": values})
        found = frame.join(table, on="name", how="left", maintain_order="left")["code"].fill_null(0)
        return found.to_numpy().astype(np.int64)


def stable_hash(name: object, buckets: int) -> int:
    """A bucket from 0, the same on every machine: the first 8 bytes of BLAKE2b of the name as text, little-endian."""
    return int.from_bytes(hashlib.blake2b(str(name).encode(), digest_size=8).digest(), "little") % buckets


def learn_categories(train: pl.Series, policy: ColumnPolicy) -> Categories:
    """The vocabulary of the training part.

    Args:
        train: the names that training rows have; one row counts once for each of its names.
        policy: its ``min_count`` and ``buckets``.
    """
    if policy.buckets and policy.min_count is None:
        return Categories(train.clear(), policy.buckets)
    counts = train.drop_nulls().value_counts(name="rows").filter(pl.col("rows") >= (policy.min_count or 1))
    others = policy.buckets or (1 if policy.min_count is not None else 0)
    return Categories(counts[train.name].sort(), others)


def as_text(name: str, column: pl.Series) -> pl.Series:
    """A column as text, null where it is empty.

    Raises:
        ConfigError: it holds lists.
    """
    if column.dtype.is_nested():
        raise ConfigError(f"{WHERE}.{name}.kind=category: the column holds lists; take kind=set")
    return column.cast(pl.String).replace("", None)


def fit_category(name: str, side: Side, text: pl.Series, in_train: Array, policy: ColumnPolicy) -> tuple[Feature, str]:
    """A category's feature, and what its missing values became.

    Args:
        name: of the column, for messages.
        side: whose it is.
        text: see :func:`as_text`.
        in_train: (n,) bool: the rows that the vocabulary and the commonest category come from.
        policy: checked for a category.
    """
    train = text.filter(pl.Series(in_train))
    categories = learn_categories(train, policy)
    codes, told = categories.encode(text), UNKNOWN
    if policy.fill is not None:
        value = str(policy.value) if policy.fill == "constant" else _commonest(train)
        code = categories.encode(pl.Series([value]))[0]
        if code == 0:
            raise ConfigError(f"{WHERE}.{name}.value={policy.value!r} is no category that training has met")
        codes, told = np.where(text.is_null().to_numpy(), code, codes), f"{policy.fill} {value}"
    return Feature(FeatureSpec(side, "category", categories.cardinality), codes), told


def _commonest(train: pl.Series) -> str:
    counts = train.drop_nulls().value_counts(name="rows").sort("rows", train.name, descending=[True, False])
    return str(counts[train.name][0])


def as_lists(name: str, column: pl.Series) -> pl.Series:
    """A column as lists of text or of whole numbers.

    Raises:
        ConfigError: it is of another type.
    """
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        return column.cast(pl.String).str.split(SEVERAL)
    kind = column.dtype
    if isinstance(kind, pl.List | pl.Array) and (kind.inner == pl.String or kind.inner.is_integer()):
        return column.cast(pl.List(kind.inner))
    raise ConfigError(f"{WHERE}.{name}.kind=set: the column is {kind}; lists of text, or text with '|', are wanted")


def fit_set(side: Side, lists: pl.Series, in_train: Array, policy: ColumnPolicy) -> Feature:
    """A set's feature: (n, K) categories, ascending, padded behind with 0.

    Args:
        side: whose it is.
        lists: see :func:`as_lists`.
        in_train: (n,) bool: the rows that the vocabulary comes from.
        policy: checked for a set.
    """
    rows = pl.DataFrame({"name": lists}).with_row_index("row").explode("name").drop_nulls()
    rows = rows.filter(pl.col("name").cast(pl.String) != "").unique()
    trained = rows.filter(pl.Series(in_train[rows["row"].to_numpy()], dtype=pl.Boolean))
    categories = learn_categories(trained["name"], policy)
    coded = rows.select("row", code=pl.Series(categories.encode(rows["name"])))
    coded = coded.filter(pl.col("code") > 0).unique().sort("row", "code")
    row = coded["row"].to_numpy().astype(np.int64)
    lengths = np.bincount(row, minlength=len(lists))
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = np.zeros((len(lists), max(1, int(lengths.max(initial=0)))), np.int64)
    values[row, place] = coded["code"].to_numpy()
    return Feature(FeatureSpec(side, "set", categories.cardinality), values)

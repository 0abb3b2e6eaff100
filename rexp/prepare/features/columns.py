"""One column of users, items or contexts as a feature, fitted on the training part alone.

Without a policy the column's type decides. Numbers and times are numbers; text and truth values are categories; lists
of text or of whole numbers are sets, and so is text that holds several values divided by "|"; lists of fractions are
vectors. Text of whole numbers is a category as long as it has few values, as codes of groups have; a number where it
has many; numbers that are codes all the same come as a categorical column, or have a policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from rexp.data.features import TITLE, readable
from rexp.data.types import Array, Feature, FeatureSpec, Side
from rexp.errors import ConfigError
from rexp.prepare.features.categories import SEVERAL, as_lists, as_text, fit_category, fit_set
from rexp.prepare.features.numbers import as_numbers, fit_number
from rexp.prepare.features.policy import WHERE, ColumnPolicy
from rexp.prepare.features.vectors import as_vectors, fit_vector

if TYPE_CHECKING:
    from rexp.prepare.features.policy import Fate

FREE_TEXT = 0.5
"""Text with more distinct values than this share of its known training rows (titles, addresses, zip codes) is no
category: most of its values would be met only once."""
CODES = 32
"""Text of whole numbers with more distinct values than this in training (ages, years) is a number: codes of groups are
fewer."""
UNKNOWN_IN_TRAINING = "no value is known in training"
WHOLE = r"^-?(0|[1-9]\d{0,17})$"


@dataclass(frozen=True)
class FittedColumn:
    """What became of a column.

    Args:
        feature: None for a text, and for a column that is left out.
        reason: why it is what it is.
        kind: "drop" where it is left out.
        missing: share of rows without a value.
        fill: what these became.
        indicator: the feature that says where a value was missing, where the policy asks for it.
    """

    feature: Feature | None
    reason: str
    kind: Fate = "drop"
    missing: float = 0.0
    fill: str = ""
    indicator: Feature | None = None

    def features(self, name: str) -> dict[str, Feature]:
        """The feature by the column's name, and its indicator; whichever there is."""
        made = {name: self.feature, f"{name}.missing": self.indicator}
        return {key: feature for key, feature in made.items() if feature is not None}


def fit_column(name: str, column: pl.Series, in_train: Array, policy: ColumnPolicy) -> FittedColumn:
    """Make a feature of a column.

    Args:
        name: with its side: ``user.age``, ``context.hour``.
        column: (n,) values by dense id, or by row of a context; null where missing, and so are empty text and NaN.
        in_train: (n,) bool: ids with a training interaction, or training rows. Everything fitted (a mean, edges, a
            vocabulary) is taken from these; the others are encoded by it.
        policy: what is to become of it.

    Raises:
        ConfigError: the policy does not fit the column.
        DataError: a value that cannot be what the policy says.
    """
    side = cast("Side", name.partition(".")[0])
    train = column.filter(pl.Series(in_train, dtype=pl.Boolean))
    kind, reason = (policy.kind, "as data.features says") if policy.kind else kind_of(name, train)
    if kind != "drop":
        policy.check(name, kind)
    match kind:
        case "drop":
            return FittedColumn(None, reason, missing=_share(column.is_null().to_numpy()))
        case "text":
            text = readable(column)
            if text is None:
                raise ConfigError(
                    f"{WHERE}.{name}.kind=text: the column is {column.dtype}; text, or lists of it, is wanted"
                )
            return FittedColumn(None, reason, kind, _share(text.is_null().to_numpy()))
        case "number":
            numbers = as_numbers(name, column)
            missing = np.isnan(numbers)
            if (missing | ~in_train).all():
                return _unknown(missing)
            feature, fill = fit_number(name, side, numbers, in_train, policy)
        case "category":
            text = as_text(name, column)
            missing = text.is_null().to_numpy()
            if (missing | ~in_train).all():
                return _unknown(missing)
            feature, fill = fit_category(name, side, text, in_train, policy)
        case "set":
            lists = as_lists(name, column)
            missing = (lists.list.len().fill_null(0) == 0).to_numpy()
            feature, fill = fit_set(side, lists, in_train, policy), "empty set"
        case "vector":
            values, present = as_vectors(name, column)
            missing = ~present
            if (missing | ~in_train).all():
                return _unknown(missing)
            feature, fill = fit_vector(name, side, values, present, in_train, policy)
    return FittedColumn(feature, reason, kind, _share(missing), fill, indicator_of(side, missing, policy))


def kind_of(name: str, train: pl.Series) -> tuple[Fate, str]:
    """What a column without a policy becomes, and why.

    Args:
        name: with its side.
        train: its training rows.
    """
    dtype = train.dtype
    if train.null_count() == len(train):
        return "drop", UNKNOWN_IN_TRAINING
    if name.partition(".")[2] == TITLE:
        return "text", "a title is shown, and read by models of text"
    if dtype.is_numeric() or dtype.is_temporal():
        return "number", "numbers" if dtype.is_numeric() else "times"
    if dtype == pl.Boolean or dtype in (pl.Categorical, pl.Enum):
        return "category", "truth values" if dtype == pl.Boolean else "categories"
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        if inner == pl.String or inner.is_integer():
            return "set", "lists"
        if inner.is_float():
            return "vector", "lists of fractions"
    if dtype != pl.String:
        return "drop", f"its type {dtype} is none that a feature has"
    return _kind_of_text(train)


def _kind_of_text(train: pl.Series) -> tuple[Fate, str]:
    known = train.replace("", None).drop_nulls()
    if not len(known):
        return "drop", UNKNOWN_IN_TRAINING
    several, distinct = known.str.contains(SEVERAL, literal=True), known.n_unique()
    free = distinct > FREE_TEXT * len(known)
    if several.any() and not (free and several.sum() < FREE_TEXT * len(known)):  # a sentence may have a "|" in it
        return "set", "text with several values, divided by |"
    if free:
        return "text", f"free text: {distinct:,} distinct values in {len(known):,} training rows"
    if distinct > CODES and known.str.contains(WHOLE).all():
        return "number", f"text of whole numbers, {distinct} distinct ones: too many for codes of groups"
    return "category", "text"


def indicator_of(side: Side, missing: Array, policy: ColumnPolicy) -> Feature | None:
    """The category (1: known, 2: missing) beside a column, where its policy asks for it."""
    if not policy.indicator:
        return None
    return Feature(FeatureSpec(side, "category", 3), 1 + missing.astype(np.int64))


def _unknown(missing: Array) -> FittedColumn:
    return FittedColumn(None, UNKNOWN_IN_TRAINING, missing=_share(missing))


def _share(missing: Array) -> float:
    return float(missing.mean()) if len(missing) else 0.0

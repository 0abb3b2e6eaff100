"""Number columns: filled, brought to one scale, or divided into categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.types import Array, Feature, FeatureSpec, Side
from rexp.errors import ConfigError, DataError
from rexp.prepare.features.policy import UNKNOWN, WHERE, ColumnPolicy

if TYPE_CHECKING:
    from rexp.prepare.features.policy import Normalization


def as_numbers(name: str, column: pl.Series) -> Array:
    """(n,) float64, NaN where there is no finite number.

    Raises:
        DataError: text that is none.
    """
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        text = column.cast(pl.String).str.strip_chars().replace("", None)
        column = text.cast(pl.Float64, strict=False)
        bad = text.is_not_null() & column.is_null()
        if bad.any():
            raise DataError(
                f"{WHERE}.{name}.kind=number: {text.filter(bad)[0]!r} is no number ({bad.sum()} such values); mend the "
                "file, or take kind=category"
            )
    elif column.dtype.is_nested():
        raise ConfigError(f"{WHERE}.{name}.kind=number: the column holds lists; take set or vector")
    # Times count in their own units; what a decimal is stored as lacks its point.
    plain = column.to_physical() if column.dtype.is_temporal() else column
    numbers = plain.cast(pl.Float64).to_numpy()
    return np.where(np.isfinite(numbers), numbers, np.nan)


def fit_number(name: str, side: Side, numbers: Array, in_train: Array, policy: ColumnPolicy) -> tuple[Feature, str]:
    """A number's feature, and what its missing values became.

    Args:
        name: of the column, for messages.
        side: whose it is.
        numbers: (n,) float64, NaN where it is not known; one that training knows at least.
        in_train: (n,) bool: the rows that all that is fitted comes from.
        policy: checked for a number.
    """
    known = ~np.isnan(numbers)
    train = numbers[known & in_train]
    fill = policy.fill or ("mean" if policy.bucket is None else None)
    value = None if fill is None else _fill_value(name, train, policy, fill)
    filled = numbers if value is None else np.where(known, numbers, value)
    told = UNKNOWN if value is None else f"{fill} {value:g}"
    if policy.bucket is not None:
        edges = np.array(policy.bucket.edges or ())
        if policy.bucket.quantiles:
            shares = np.arange(1, policy.bucket.quantiles) / policy.bucket.quantiles
            edges = np.unique(np.quantile(train, shares))
        codes = np.where(np.isnan(filled), 0, 1 + np.searchsorted(edges, filled, side="right"))
        return Feature(FeatureSpec(side, "category", len(edges) + 2), codes.astype(np.int64)), told
    scaled = _scaled(filled, train, policy.normalize or "standard")
    return Feature(FeatureSpec(side, "number", 0), scaled.astype(np.float32)), told


def _fill_value(name: str, train: Array, policy: ColumnPolicy, fill: str) -> float:
    if fill == "constant":
        try:
            return float(str(policy.value))
        except ValueError:
            raise ConfigError(f"{WHERE}.{name}.value={policy.value!r} is no number, and the column is one") from None
    if fill == "mode":
        values, counts = np.unique(train, return_counts=True)  # of equally common ones the least
        return float(values[counts.argmax()])
    return float(np.median(train) if fill == "median" else train.mean())


def _scaled(values: Array, train: Array, normalize: Normalization) -> Array:
    """Values on the scale that the training values set."""
    match normalize:
        case "none":
            return values
        case "minmax":
            low, high = float(train.min()), float(train.max())
            return (values - low) / (high - low if high > low else 1.0)
        case "rank":
            ordered = np.sort(train)
            below: Array = np.searchsorted(ordered, values, side="left")
            reached = np.searchsorted(ordered, values, side="right")
            return (below + reached) / (2 * len(ordered))  # equal ones count half
        case "log":
            values, train = (np.sign(each) * np.log1p(np.abs(each)) for each in (values, train))
    mean, deviation = float(train.mean()), float(train.std())
    # Rounding leaves a constant column a deviation just above 0.
    return (values - mean) / (deviation if deviation > 1e-12 * abs(mean) else 1.0)

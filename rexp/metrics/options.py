"""Options that several metrics share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class NoOptions:
    """This metric has no options."""


@dataclass
class Decision:
    """When a row counts as predicted positive.

    Args:
        threshold: from this probability on.
    """

    threshold: float = 0.5


@dataclass
class UserWeights:
    """How much each user counts in a mean.

    Args:
        weights: "users", each the same; "impressions", by the number of its rows.
    """

    weights: Literal["users", "impressions"] = "users"


@dataclass
class Bins:
    """Bins of probabilities.

    Args:
        bins: how many.
        binning: "width", equal parts of 0 .. 1; "mass", about as many rows in each.
    """

    bins: int = 15
    binning: Literal["width", "mass"] = "width"

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"bins={self.bins} must be 1 or more")


@dataclass
class RatingError:
    """What is averaged of a predicted rating.

    Args:
        error: "squared" or "absolute".
    """

    error: Literal["squared", "absolute"] = "squared"


@dataclass
class AllPairs:
    """The pairs that rows are drawn from.

    Args:
        pairs: how many; null is users times items, by the share of the rows that the measured part has.
    """

    pairs: int | None = None

    def __post_init__(self) -> None:
        if self.pairs is not None and self.pairs < 1:
            raise ValueError(f"pairs={self.pairs} must be 1 or more")


@dataclass
class AllPairsError(AllPairs, RatingError):
    """What is averaged, and over how many pairs."""

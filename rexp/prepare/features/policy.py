"""Policies of feature columns: what is to become of a column, from ``data.features``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from rexp.datasets.column_names import by_column
from rexp.errors import ConfigError, did_you_mean
from rexp.plugins.options import from_options, require

if TYPE_CHECKING:
    from rexp.plugins.options import NodeView

WHERE = "data.features"
UNKNOWN = "unknown category"
"""What a missing category is filled with by default: category 0."""
Fate = Literal["category", "set", "number", "vector", "text", "drop"]
"""What may become of a column; a text is read by ``Split.text``, the first four are features."""
Fill = Literal["mean", "median", "mode", "constant", "zero", "error"]
Normalization = Literal["standard", "minmax", "rank", "log", "l2", "none"]
TimePart = Literal["hour", "weekday", "month", "age_days"]

FILLS: dict[Fate, tuple[Fill, ...]] = {
    "number": ("mean", "median", "mode", "constant"),
    "category": ("mode", "constant"),
    "vector": ("zero", "mean", "error"),
}
NORMALIZATIONS: dict[Fate, tuple[Normalization, ...]] = {
    "number": ("standard", "minmax", "rank", "log", "none"),
    "vector": ("l2", "none"),
}
USES: dict[str, tuple[Fate, ...]] = {
    "fill": tuple(FILLS),
    "value": ("number", "category"),
    "indicator": ("number", "category", "set", "vector"),
    "normalize": tuple(NORMALIZATIONS),
    "bucket": ("number",),
    "min_count": ("category", "set"),
    "buckets": ("category", "set"),
}
"""The kinds of column that each option is for."""


@dataclass(frozen=True)
class Bucket:
    """Edges between which numbers become categories; a number on an edge belongs above it.

    Args:
        quantiles: parts with about equally many training ids each, whose borders are the edges.
        edges: ascending.
    """

    quantiles: int | None = None
    edges: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        require((self.quantiles is None) != (self.edges is None), "give either quantiles or edges")
        require(self.quantiles is None or self.quantiles > 1, f"quantiles={self.quantiles} must be 2 or more")
        edges = self.edges or ()
        require(self.edges is None or bool(edges), "edges has none; give one or more")
        ascending = all(low < high for low, high in pairwise(edges))
        require(ascending, f"edges={list(edges)} must ascend")


@dataclass(frozen=True)
class ColumnPolicy:
    """What is to become of one column; what is left unset follows from the column's type.

    Args:
        kind: null goes by the type; ``text`` is read by models of text, ``drop`` is read by nobody.
        fill: of what is missing. A number: ``mean`` (the default), ``median``, ``mode``, ``constant``; a category:
            ``mode``, ``constant``, by default the unknown category; a vector: ``zero`` (the default), ``mean``,
            ``error``.
        value: of ``fill=constant``.
        indicator: a feature of its own, ``user.age.missing``, says where the value was missing.
        normalize: a number: ``standard`` (the default: mean 0, deviation 1), ``minmax`` (from 0 to 1), ``rank`` (the
            share of training values below), ``log`` (sign(x) log(1 + |x|), then standard), ``none``; a vector: ``l2``
            (length 1), ``none`` (the default).
        bucket: makes categories of numbers.
        min_count: categories of fewer training ids, and those that training has never met, are one category "other".
        buckets: these are told apart by a hash into so many categories; without ``min_count`` all categories are.
        source: (the key ``from``) a column that is made: of ``time``, for a context.
        part: of the time: ``hour``, ``weekday`` (0 is Monday), ``month``, or ``age_days``, the days since the first
            training interaction.
    """

    kind: Fate | None = None
    fill: Fill | None = None
    value: str | int | float | None = None
    indicator: bool = False
    normalize: Normalization | None = None
    bucket: Bucket | None = None
    min_count: int | None = None
    buckets: int | None = None
    source: Literal["time"] | None = None
    part: TimePart | None = None

    def __post_init__(self) -> None:
        require(self.min_count is None or self.min_count > 0, f"min_count={self.min_count} must be 1 or more")
        require(self.buckets is None or self.buckets > 0, f"buckets={self.buckets} must be 1 or more")
        constant = self.fill == "constant"
        require(constant == (self.value is not None), "fill=constant and value belong together")
        require((self.source is None) == (self.part is None), "from=time and part belong together")

    def check(self, name: str, kind: Fate) -> None:
        """Refuse what a column of this kind has no use for.

        Raises:
            ConfigError: names the option.
        """
        for option, kinds in USES.items():
            if option in self.said() and kind not in kinds:
                raise ConfigError(
                    f"{WHERE}.{name}.{option} is for a {' or a '.join(kinds)}, and the column is a {kind}; "
                    "leave it out, or set kind"
                )
        choices: tuple[tuple[str, Mapping[Fate, tuple[str, ...]]], ...] = (
            ("fill", FILLS),
            ("normalize", NORMALIZATIONS),
        )
        for option, allowed in choices:
            value = getattr(self, option)
            if value is not None and value not in allowed[kind]:
                raise ConfigError(f"{WHERE}.{name}.{option}={value} is not for a {kind}; take {_or(allowed[kind])}")

    def said(self) -> dict[str, Any]:
        """The options that are set."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: value for key, value in values.items() if value is not None and value is not False}

    def plain(self) -> dict[str, Any]:
        """What is set, for fingerprints."""
        bucket = {} if self.bucket is None else {"bucket": [self.bucket.quantiles, self.bucket.edges]}
        return self.said() | bucket


DEFAULT = ColumnPolicy()
"""All that follows from a column's type."""


def read_policies(node: NodeView | None) -> dict[str, ColumnPolicy]:
    """The policies of ``data.features`` by the column's name (``user.age``), in alphabetical order.

    Raises:
        ConfigError: a name that is of none of the three sides, or an option that is none.
    """
    policies = {}
    for name, options in sorted(by_column(node or {}, WHERE, ("user", "item", "context")).items()):
        where = f"{WHERE}.{name}"
        if isinstance(options, Mapping):
            options = {"source" if key == "from" else key: value for key, value in options.items()}
        policy = from_options(ColumnPolicy, options, where)
        if policy.source is not None and not name.startswith("context."):
            raise ConfigError(f"{where}.from={policy.source}: a time belongs to an interaction; call it context.NAME")
        policies[name] = policy
    return policies


def check_names(policies: Mapping[str, ColumnPolicy], names: list[str]) -> None:
    """Refuse a policy of a column that the data does not have.

    Args:
        policies: of the sides that are looked at.
        names: the columns of these sides.

    Raises:
        ConfigError: with the nearest name.
    """
    for name in policies:
        if name not in names:
            raise ConfigError(f"{WHERE}: the data has no column '{name}'; {did_you_mean(name, names)}")


def _or(words: tuple[str, ...]) -> str:
    return ", ".join(words[:-1]) + f" or {words[-1]}"

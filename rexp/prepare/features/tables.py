"""All columns of users and items, fitted: features, texts, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexp.errors import ConfigError
from rexp.prepare.features.columns import FittedColumn, fit_column, indicator_of
from rexp.prepare.features.policy import DEFAULT, check_names
from rexp.prepare.features.vectors import fit_vector

if TYPE_CHECKING:
    import polars as pl

    from rexp.api import VectorSource
    from rexp.data.types import Array, Feature, Side
    from rexp.io.json_types import Json
    from rexp.prepare.features.policy import ColumnPolicy
    from rexp.prepare.features.vector_files import Vectors


@dataclass(frozen=True)
class ColumnReport:
    """What became of a column, for the report of the data.

    Args:
        kind: of the feature; "text", or "drop".
        size: categories, or the width of a vector.
        missing: share of rows without a value.
        fill: what these became.
        reason: why the column is what it is.
    """

    name: str
    kind: str
    size: int
    missing: float
    fill: str
    reason: str

    def as_dict(self) -> Json:
        return asdict(self)


@dataclass(frozen=True)
class FittedTables:
    """The features of users and items by name, the names of the texts, and a report of every column."""

    features: Mapping[str, Feature]
    texts: tuple[str, ...]
    columns: tuple[ColumnReport, ...]


def fit_tables(
    tables: Mapping[Side, pl.DataFrame],
    vectors: Mapping[str, Vectors],
    sources: Mapping[str, VectorSource],
    in_train: Mapping[Side, Array],
    policies: Mapping[str, ColumnPolicy],
) -> FittedTables:
    """Fit every column of users and items on the ids that have a training interaction.

    Args:
        tables: by side, one row an id in the order of the dense ids; the column of the side's name is the id.
        vectors: further columns by name.
        sources: where these were read from.
        in_train: by side, (n,) bool.
        policies: by the column's name; a column without one goes by its type.

    Raises:
        ConfigError: a policy of a column that is not there, or does not fit it.
        DataError: a value that cannot be what its policy says.
    """
    columns = {
        f"{side}.{name}": table[name] for side, table in tables.items() for name in table.columns if name != side
    }
    made = {f"{name}.missing" for name, policy in policies.items() if policy.indicator}
    if twice := sorted(columns.keys() & (vectors.keys() | made)):
        raise ConfigError(f"two columns would be called '{twice[0]}'; rename that of the table")
    named = {name: policy for name, policy in policies.items() if not name.startswith("context.")}
    check_names(named, [*columns, *vectors])
    fitted = {
        name: fit_column(name, column, in_train[_side(name)], policies.get(name, DEFAULT))
        for name, column in columns.items()
    }
    for name, read in vectors.items():
        policy = policies.get(name, DEFAULT)
        fitted[name] = _fit_read(name, read, sources[name], in_train[_side(name)], policy)
    order = sorted(fitted, key=lambda name: list(tables).index(_side(name)))  # users' first; else as they come
    features = {key: feature for name in order for key, feature in fitted[name].features(name).items()}
    texts = tuple(name for name in order if fitted[name].kind == "text")
    return FittedTables(features, texts, tuple(report_of(name, fitted[name]) for name in order))


def report_of(name: str, fitted: FittedColumn) -> ColumnReport:
    """What became of a column."""
    spec = fitted.feature.spec if fitted.feature else None
    kind, size = (spec.kind, max(spec.cardinality, spec.dim)) if spec else (fitted.kind, 0)
    return ColumnReport(name, kind, size, fitted.missing, fitted.fill if fitted.missing else "", fitted.reason)


def _side(name: str) -> Side:
    return "user" if name.startswith("user.") else "item"


def _fit_read(name: str, read: Vectors, source: VectorSource, in_train: Array, policy: ColumnPolicy) -> FittedColumn:
    """A vector column that came from a file."""
    kind = policy.kind or "vector"
    if kind not in ("vector", "drop"):
        raise ConfigError(f"data.features.{name}.kind={kind}: {source.path.name} holds vectors")
    missing = float(np.mean(~read.present))
    if kind == "drop":
        return FittedColumn(None, "as data.features says", missing=missing)
    policy.check(name, kind)
    feature, fill = fit_vector(name, _side(name), read.values, read.present, in_train, policy, source.missing)
    indicator = indicator_of(_side(name), ~read.present, policy)
    return FittedColumn(feature, f"read from {source.path.name}", kind, missing, fill, indicator)

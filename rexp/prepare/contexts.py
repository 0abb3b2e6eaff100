"""Columns of the interactions beside their roles: contexts, and weights of rows.

Filters and splits carry a row's place in these columns; what the columns hold is encoded once the parts are known,
fitted on the training rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.datasets.normalize import ROLES
from rexp.errors import ConfigError, DataError, did_you_mean
from rexp.prepare.features.clock import time_column
from rexp.prepare.features.columns import FittedColumn, fit_column
from rexp.prepare.features.policy import DEFAULT, WHERE
from rexp.prepare.features.tables import ColumnReport, report_of

if TYPE_CHECKING:
    from rexp.api import RawData
    from rexp.data.interactions import Interactions
    from rexp.data.types import Array, Feature, FeatureSpec, Part
    from rexp.prepare.features.policy import ColumnPolicy

PLACE = "place"
"""Name, among the contexts of rows that are not divided yet, of their places in the stacked columns."""


@dataclass(frozen=True)
class SideColumns:
    """Columns that a data set names beside the roles, those of all frames stacked.

    Args:
        frame: the columns.
        first: where each frame's rows begin, by the name of the frame.
        context: names of the contexts.
        weight: name of the rows' weights, or None.
        propensity: name of their propensities, or None.
    """

    frame: pl.DataFrame
    first: Mapping[str, int]
    context: Sequence[str]
    weight: str | None
    propensity: str | None

    def places(self, part: str, order: Array) -> dict[str, Array]:
        """The places of a frame's rows in a given order; nothing where no column is named."""
        return {PLACE: self.first[part] + order} if self.frame.width else {}

    def encode(
        self, parts: Mapping[Part, Interactions], policies: Mapping[str, ColumnPolicy], clock: bool
    ) -> tuple[dict[Part, Interactions], dict[str, FeatureSpec], tuple[ColumnReport, ...]]:
        """The parts with their contexts, weights and propensities, the contexts' specs, and what became of each column.

        Args:
            parts: what the split gave.
            policies: of features, by name; one ``from: time`` makes a context of its own.
            clock: times are those of a clock.

        Raises:
            ConfigError: a policy of a context that is not there, or does not fit it.
            DataError: a context that is no feature, a weight that is no number of 0 or more, or a propensity that is no
                probability.
        """
        policies = {name: policy for name, policy in policies.items() if name.startswith("context.")}
        owner = np.repeat(list(parts), [len(part) for part in parts.values()])
        features: dict[str, Feature] = {}
        reports = []
        for name, column in self._columns(parts, policies, clock):
            policy = policies.pop(name, DEFAULT)
            found = fit_column(name, column, owner == "train", policy)
            reports.append(report_of(name, found))
            if policy.kind != "drop":
                features |= _features(name, found)
        if policies:
            known = [f"context.{name}" for name in self.context]
            raise ConfigError(
                f"{WHERE}: the data has no context '{min(policies)}'; {did_you_mean(min(policies), known)}"
            )
        weights = None if self.weight is None else _weights(self._taken(parts)[self.weight])
        propensities = None if self.propensity is None else _propensities(self._taken(parts)[self.propensity])
        encoded = {
            part: replace(
                rows,
                context={name: feature.values[owner == part] for name, feature in features.items()},
                weights=None if weights is None else weights[owner == part],
                propensities=None if propensities is None else propensities[owner == part],
            )
            for part, rows in parts.items()
        }
        return encoded, {name: feature.spec for name, feature in features.items()}, tuple(reports)

    def _columns(
        self, parts: Mapping[Part, Interactions], policies: Mapping[str, ColumnPolicy], clock: bool
    ) -> Iterator[tuple[str, pl.Series]]:
        """Every context's column over the rows of all parts: those that are named, then those made of times."""
        if self.context:
            taken = self._taken(parts)
            yield from ((f"context.{name}", taken[name]) for name in self.context)
        for name, policy in dict(policies).items():
            if policy.part is None:
                continue
            if name.removeprefix("context.") in self.context:
                raise ConfigError(f"{WHERE}.{name}.from=time: the data has a context of this name; take another")
            times = {key: part.times for key, part in parts.items() if part.times is not None}
            if not clock or len(times) < len(parts):
                raise ConfigError(f"{WHERE}.{name}.from=time: the data has no times of a clock")
            start = float(times["train"].min()) if len(times["train"]) else 0.0
            yield name, time_column(np.concatenate(list(times.values())), parts["train"].ticks, policy.part, start)

    def _taken(self, parts: Mapping[Part, Interactions]) -> pl.DataFrame:
        return self.frame[np.concatenate([part.context[PLACE] for part in parts.values()])]


def side_columns(raw: RawData, frames: Mapping[str, pl.DataFrame]) -> SideColumns:
    """The columns that a data set names, of frames that are filtered.

    Args:
        raw: names them.
        frames: by part; each has them, see :func:`named_columns`.
    """
    names = named_columns(raw, frames)
    taken = [frame.select(names) for frame in frames.values()]
    for name in names:
        if len({frame[name].dtype for frame in taken}) > 1:
            taken = [frame.with_columns(pl.col(name).cast(pl.String)) for frame in taken]
    heights = np.cumsum([0, *(len(frame) for frame in taken)])
    first = dict(zip(frames, heights[:-1].tolist(), strict=True))
    return SideColumns(pl.concat(taken), first, tuple(raw.context), raw.weight, raw.propensity)


def named_columns(raw: RawData, frames: Mapping[str, pl.DataFrame]) -> list[str]:
    """The names of contexts, weights and propensities, which every frame must have.

    Raises:
        ConfigError: a frame has no such column, or it is read as an id, rating or time.
    """
    names = [*raw.context, *(name for name in (raw.weight, raw.propensity) if name is not None)]
    for name in names:
        for part, frame in frames.items():
            if name in ROLES:
                raise ConfigError(
                    f"the column '{name}' is read as the {name}, so it is no context, weight or propensity"
                )
            if name not in frame.columns:
                others = [column for column in frame.columns if column not in ROLES]
                raise ConfigError(f"the {part} rows have no column '{name}'; {did_you_mean(name, others)}")
    return list(dict.fromkeys(names))


def _features(name: str, found: FittedColumn) -> dict[str, Feature]:
    """A column's feature, and its indicator where there is one."""
    if found.feature is None or found.kind == "vector":
        why = "a vector, which no context may be" if found.kind == "vector" else f"no feature: {found.reason}"
        raise DataError(f"{name} is {why}; say what it is ({WHERE}.{name}.kind), or name other contexts")
    return found.features(name)


def _weights(column: pl.Series) -> Array:
    numbers = column.cast(pl.Float64, strict=False).to_numpy()
    return _checked(column, numbers, numbers >= 0, "weight", "numbers from 0 on")


def _propensities(column: pl.Series) -> Array:
    numbers = column.cast(pl.Float64, strict=False).to_numpy()
    return _checked(column, numbers, (numbers > 0) & (numbers <= 1), "propensity", "probabilities above 0, up to 1")


def _checked(column: pl.Series, numbers: Array, good: Array, what: str, wanted: str) -> Array:
    bad = ~(np.isfinite(numbers) & good)
    if bad.any():
        first = column[int(np.flatnonzero(bad)[0])]
        raise DataError(f"the {what} '{column.name}' has {first!r}, and {bad.sum()} such rows: give {wanted}")
    found: Array = numbers.astype(np.float32)
    return found

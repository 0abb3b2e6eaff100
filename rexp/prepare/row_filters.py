"""Row filters: conditions on columns, and missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import polars as pl

from rexp.data.types import PARTS
from rexp.datasets.normalize import ROLES, missing, normalize, place_of, refuse_missing
from rexp.datasets.side_tables import comparable
from rexp.errors import ConfigError, did_you_mean
from rexp.prepare.filters import record
from rexp.prepare.kind_of_time import kind_of_time

if TYPE_CHECKING:
    from rexp.api import Origin, RawData
    from rexp.datasets.steps import Step
    from rexp.prepare.filter_config import FilterConfig
    from rexp.prepare.kind_of_time import KindOfTime


class FrameReport(TypedDict):
    """How a frame was read, as the report of the data has it.

    Args:
        columns: the file's own names of the roles' columns.
        unread: columns that were not read.
        changed: numbers of cells that were changed, by what was changed in them.
    """

    columns: dict[str, str]
    unread: list[str]
    changed: dict[str, int]


@dataclass(frozen=True)
class Rows:
    """The frames of a data set in one form, and what was done to them.

    Args:
        frames: by the names of the given parts, or ``interactions``.
        steps: one for each condition, and for the rows that lacked something.
        read: how each frame was read.
        time: what times mean, in all rows that were read.
    """

    frames: dict[str, pl.DataFrame]
    steps: list[Step]
    read: dict[str, FrameReport]
    time: KindOfTime


def choose_rows(raw: RawData, config: FilterConfig) -> Rows:
    """Bring all frames into one form and take out the rows that are not to be read.

    Raises:
        ConfigError: a condition that cannot be read.
        DataError: an id, rating or time that is none; a row that lacks one where none may; nothing is left.
    """
    described = {*raw.item_columns.values(), *raw.user_columns.values(), *raw.context, raw.weight, raw.propensity}
    given = {str(part): raw.given[part] for part in PARTS if part in raw.given}
    named = given if raw.interactions is None else {"interactions": raw.interactions}
    normal = {name: normalize(frame, place_of(name, raw.origins.get(name))) for name, frame in named.items()}
    rows = Rows({}, [], {}, kind_of_time(frame for frame, _ in normal.values()))
    for name, (frame, changed) in normal.items():
        origin = raw.origins.get(name)
        rows.read[name] = {
            "columns": dict(origin.columns) if origin else {},
            "unread": [column for column in frame.columns if column not in ROLES and column not in described],
            "changed": changed,
        }
        lacking = missing(frame)
        kept = pl.repeat(value=True, n=len(frame), eager=True)
        prefix = f"{name}: " if raw.given else ""
        for condition in config.where:
            before, kept = kept, kept & _holds(frame, condition, origin)
            record(frame.filter(before), frame.filter(kept), f"{prefix}where: {condition}", rows.steps, "where")
        if config.on_missing == "error":  # of rows that no condition has left out
            refuse_missing(frame, lacking & kept, place_of(name, origin))
        whole = kept & ~lacking
        if (lacking & kept).any():
            record(frame.filter(kept), frame.filter(whole), f"{prefix}on_missing=drop", rows.steps, "on_missing")
        rows.frames[name] = frame if whole.all() else frame.filter(whole)
    return rows


def _holds(frame: pl.DataFrame, condition: str, origin: Origin | None) -> pl.Series:
    """(N,) bool: where a condition is true; false where it is unknown, as in SQL."""
    key = f"data.filter.where: {condition!r}"
    try:
        expression = pl.sql_expr(condition)
    except pl.exceptions.PolarsError as error:
        raise ConfigError(f"{key} cannot be read: {_line(error)}") from error
    known = {name: role for role, name in (origin.columns if origin else {}).items() if name}
    aliases = {name: role for name, role in known.items() if name not in frame.columns}
    columns = {}
    for name in sorted(set(expression.meta.root_names())):
        column = aliases.get(name, name)
        if column not in frame.columns:
            raise ConfigError(f"{key}: there is no column '{name}'; {did_you_mean(name, [*frame.columns, *aliases])}")
        columns[name] = comparable(frame[column])
    try:
        found = pl.DataFrame(columns, height=len(frame)).select(holds=expression)["holds"]
    except pl.exceptions.PolarsError as error:
        types = ", ".join(f"{name} is {column.dtype}" for name, column in columns.items())
        raise ConfigError(
            f"{key} cannot be taken: {_line(error)}; {types}, and CAST(x AS VARCHAR) makes text"
        ) from error
    if found.dtype != pl.Boolean or len(found) != len(frame):
        raise ConfigError(f"{key} is no condition of a row: it gives {found.dtype}, {len(found)} values")
    return found.fill_null(value=False)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]

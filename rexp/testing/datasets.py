"""Checks of data sets; one whose files are not here is checked for saying so."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import polars as pl

from rexp.api import DataCard, DataError, RawData, SourceFile
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.process import no_global_chance

ROLES = ("user", "item")


def data(subject: Subject) -> Any:
    """The data set, which looks for published files where runs do (``REXP_DATA``)."""
    root = os.environ.get("REXP_DATA")
    return subject.make(Path(root) if root else None)


def frames(raw: RawData) -> dict[str, pl.DataFrame]:
    return dict(raw.given) if raw.interactions is None else {"interactions": raw.interactions}


def card(subject: Subject) -> None:
    stated = subject.plugin.card
    require(isinstance(stated, DataCard), f"card is a {type(stated).__name__}, not a DataCard")
    require(bool(stated.title and stated.licence), "card has no title, or no licence")


def sources(subject: Subject) -> None:
    for source in data(subject).sources():
        require(isinstance(source, SourceFile), f"sources() has a {type(source).__name__}, not a SourceFile")
        require(source.path.is_file(), f"{source.path.name} is named in sources(), and is no file")
        if source.sha256 is not None:
            found = hashlib.sha256(source.path.read_bytes()).hexdigest()
            require(found == source.sha256, f"{source.path.name} has the sha256 {found}, not the stated one")


def missing_files(subject: Subject) -> None:
    empty = subject.folder / "empty"
    empty.mkdir()
    try:
        named = subject.make(empty).sources()
    except DataError:
        return
    gone = [source.path.name for source in named if not source.path.is_file()]
    require(not gone, f"sources() names {', '.join(gone)}, which is not there, and raises no DataError")


def schema(subject: Subject) -> None:
    raw = _read(subject)
    require((raw.interactions is None) == bool(raw.given), "there are both interactions and given parts, or none")
    require(raw.interactions is not None or {"train", "test"} <= set(raw.given), "given lacks train or test")
    require(set(raw.origins) <= set(frames(raw)), f"origins are of {sorted(raw.origins)}, frames {sorted(frames(raw))}")
    for name, frame in frames(raw).items():
        require(len(frame) > 0, f"{name} has no rows")
        for role in ROLES:
            require(role in frame.columns, f"{name} has no column {role}; it has {', '.join(frame.columns)}")
            kind = frame.schema[role]
            whole = kind.is_integer() or kind in (pl.String, pl.Categorical)
            require(whole, f"the ids of the column {role} are {kind}: whole numbers or text are wanted")
        if "rating" in frame.columns:
            read = frame["rating"].cast(pl.Float64, strict=False)
            require(
                read.null_count() == frame["rating"].null_count(), "ratings are no numbers, and not text of numbers"
            )
        if "time" in frame.columns:
            kind = frame.schema["time"]
            known = kind.is_numeric() or kind.is_temporal() or kind == pl.String
            require(known, f"times are {kind}: no number, date or date-time")


def tables(subject: Subject) -> None:
    raw = _read(subject)
    for role, table in (("user", raw.users), ("item", raw.items)):
        if table is None:
            continue
        require(role in table.columns, f"the table of {role}s has no column {role}")
        require(table[role].is_unique().all(), f"the table of {role}s has an id twice")
        kinds = {table.schema[role].is_integer(), *(frame.schema[role].is_integer() for frame in frames(raw).values())}
        require(len(kinds) == 1, f"ids of the table of {role}s are {table.schema[role]}, those of interactions are not")


def vectors(subject: Subject) -> None:
    raw = _read(subject)
    if not raw.vectors:
        raise NotApplicable
    named = {source.path.resolve() for source in data(subject).sources()}
    for name, source in raw.vectors.items():
        require(name.startswith(("user.", "item.")), f"the vectors '{name}' are called neither user.NAME nor item.NAME")
        require(source.path.resolve() in named, f"{source.path.name} holds vectors, and sources() does not name it")


def repeatable(subject: Subject) -> None:
    with no_global_chance("read"):
        first = _read(subject)
    second = _read(subject)
    for name, frame in frames(first).items():
        require(frame.equals(frames(second)[name]), f"{name} are others when they are read a second time")


def _read(subject: Subject) -> RawData:
    one = data(subject)
    one.sources()
    raw = one.read()
    if not isinstance(raw, RawData):
        require(False, f"read() gives a {type(raw).__name__}, not a RawData")
        raise NotApplicable
    return raw


SCHEMA = "data.schema"
CHECKS = (
    Check("data.card", "rexp data info shows it.", card),
    Check("data.sources", "Prepared data are known by their files.", sources),
    Check("data.missing-files", "A user who lacks a file is told which.", missing_files),
    Check(SCHEMA, "Filters and splits read these columns.", schema, ("data.sources",)),
    Check("data.tables", "Features and titles are joined by id.", tables, (SCHEMA,)),
    Check("data.vectors", "Prepared data are known by all files that are read.", vectors, (SCHEMA,)),
    Check("data.repeatable", "Prepared data are kept, and made again elsewhere.", repeatable, (SCHEMA,)),
)

"""Data sets and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from rexp.data.interactions import Interactions


@dataclass(frozen=True)
class Origin:
    """Where a frame of interactions was read from; for messages, and for names in filters.

    Args:
        path: the file.
        first_line: the line in which its first row stands.
        columns: the file's own name of the columns ``user``, ``item``, ``rating``, ``time``; empty for one that is not
            to be read.
    """

    path: Path
    first_line: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawData:
    """What a data set's reader returns: frames with columns ``user``, ``item`` and, where known, ``rating``, ``time``.

    Either ``interactions`` (to be filtered and split) or ``given`` parts (``train``, ``test`` and maybe ``valid``).
    Ids are whole numbers or text, ratings numbers, times numbers, dates or date-times; a missing one is null. Further
    columns are read by ``data.filter.where`` alone.

    Args:
        interactions: every interaction.
        given: the publisher's own parts by name.
        candidates: ``user`` and ``items`` (a list column): the publisher's own negatives of the test users.
        items: ``item`` and any of ``title``, ``genres`` and further feature columns.
        users: ``user`` and feature columns.
        steps: what the reader itself left out, in its order, each as ``rexp.datasets.steps.describe_step`` tells
            it; they stand before the filters in the report.
        item_columns, user_columns: further columns of the interactions that describe their item or user, by the names
            that they get; of several values the commonest text, or the median number.
        origins: where ``interactions`` or the parts were read from, by these names.
    """

    interactions: pl.DataFrame | None = None
    given: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    candidates: pl.DataFrame | None = None
    items: pl.DataFrame | None = None
    users: pl.DataFrame | None = None
    steps: Sequence[Mapping[str, Any]] = ()
    item_columns: Mapping[str, str] = field(default_factory=dict)
    user_columns: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceFile:
    """A file a data set is read from; ``sha256`` is of the stored file, None for a user's own."""

    path: Path
    sha256: str | None = None


@dataclass(frozen=True)
class DataCard:
    """What ``rexp data info`` says of a data set beside its counts."""

    title: str
    licence: str
    homepage: str
    citation: str = ""
    notes: str = ""


class Dataset(Protocol):
    """A source of interactions."""

    Config: ClassVar[type]
    card: ClassVar[DataCard]

    def __init__(self, config: Any, root: Path | None) -> None: ...

    def sources(self) -> Sequence[SourceFile]:
        """Files that :meth:`read` reads, named without opening them; raises ``DataError`` where one is missing."""
        ...

    def read(self) -> RawData: ...


@dataclass(frozen=True)
class SplitRows:
    """A split of rows: boolean masks or row numbers into the interactions, in their order."""

    train: np.ndarray[Any, Any]
    valid: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]


class Splitter(Protocol):
    """Divides interactions (sorted by user, then time) into train, valid and test rows."""

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def split(self, interactions: Interactions) -> SplitRows: ...

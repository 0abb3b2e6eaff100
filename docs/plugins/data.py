"""Interactions in a file of JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from rexp.api import DataCard, DataError, RawData, SourceFile


@dataclass(frozen=True)
class JSONLinesConfig:
    """Options of :class:`JSONLines`.

    Args:
        path: the file, from the data folder on where it is relative.
        user, item, time: keys of every line; without a time an empty text.
    """

    path: Path
    user: str = "user"
    item: str = "item"
    time: str = "time"


class JSONLines:
    """One interaction a line: ``{"user": "ann", "item": 7, "time": 1700000000}``."""

    Config: ClassVar[type] = JSONLinesConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    card: ClassVar[DataCard] = DataCard("JSON lines", "your own", "")

    def __init__(self, config: JSONLinesConfig, root: Path | None) -> None:
        self.config, self.path = config, (root or Path()) / config.path

    def sources(self) -> Sequence[SourceFile]:
        """The file; prepared data are made anew when its content changes."""
        if not self.path.is_file():
            raise DataError(f"{self.path} is not there; name a file with data.path=FILE")
        return [SourceFile(self.path)]

    def read(self) -> RawData:
        """A frame with the columns user, item and time; rexp checks the rest."""
        frame = pl.read_ndjson(self.path)
        names = {"user": self.config.user, "item": self.config.item, "time": self.config.time}
        if missing := [name for name in names.values() if name and name not in frame.columns]:
            raise DataError(f"{self.path} has no key {', '.join(missing)}; it has {', '.join(frame.columns)}")
        return RawData(frame.select(pl.col(name).alias(role) for role, name in names.items() if name))

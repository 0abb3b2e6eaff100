"""Data sets that each break one rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rexp.api import (
    DataCard,
    RawData,
    SourceFile,
    VectorSource,
)
from tests.testing.wrong.no_options import NoOptions


class RightData:
    """Four rows."""

    Config = NoOptions
    card = DataCard("Four rows", "CC0", "")

    def __init__(self, config: Any, root: Path | None) -> None: ...

    def sources(self) -> list[SourceFile]:
        return []

    def read(self) -> RawData:
        return RawData(self.rows(), items=pl.DataFrame({"item": self.items()}))

    def rows(self) -> pl.DataFrame:
        return pl.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 3]})

    def items(self) -> list[int]:
        return [1, 2, 3]


class NoLicense(RightData):
    """data.card"""

    card = DataCard("Four rows", "", "")


class OtherColumns(RightData):
    """data.schema"""

    def rows(self) -> pl.DataFrame:
        return super().rows().rename({"user": "userId"})


class ItemTwice(RightData):
    """data.tables"""

    def items(self) -> list[int]:
        return [1, 2, 2, 3]


class UnnamedVectors(RightData):
    """data.vectors"""

    def read(self) -> RawData:
        return replace(super().read(), vectors={"item.image": VectorSource(Path("image.npy"))})


class OtherRowsEachTime(RightData):
    """data.repeatable"""

    def rows(self) -> pl.DataFrame:
        return super().rows().with_columns(rating=pl.Series(np.random.default_rng().random(4)))


class NamesWhatIsNotThere(RightData):
    """data.missing-files"""

    def __init__(self, config: Any, root: Path | None) -> None:
        self.root = root

    def sources(self) -> list[SourceFile]:
        return [] if self.root is None else [SourceFile(self.root / "ratings.csv")]

"""Features of users and items as numeric arrays by dense id, as preparation stored them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexp.data.types import Feature, FeatureSpec

if TYPE_CHECKING:
    import polars as pl

TITLE = "title"
"""The column that names a user or item on the screen; by default no feature, however often a name is met."""


def feature_file(name: str, place: int) -> str:
    """The file of a feature's values in the prepared folder: by its name, or by its place where that is no file's."""
    return f"{name}.npy" if re.fullmatch(r"[a-z0-9_.-]{1,100}", name) else f"feature.{place}.npy"


def read_features(folder: Path, specs: Mapping[str, FeatureSpec]) -> dict[str, Feature]:
    """The features of users and items, memory-mapped."""
    return {
        name: Feature(spec, np.load(folder / feature_file(name, place), mmap_mode="r", allow_pickle=False))
        for place, (name, spec) in enumerate(specs.items())
        if spec.side != "context"
    }


def readable(column: pl.Series) -> pl.Series | None:
    """A column as text, null where it is empty; the members of a list are divided by blanks. None where it has none."""
    import polars as pl

    if column.dtype == pl.List(pl.String):
        column = column.list.join(" ")
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    return column.cast(pl.String).replace("", None)

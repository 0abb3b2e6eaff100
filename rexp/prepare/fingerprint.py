"""The fingerprint of a split: a hash of its content, whatever files it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.types import PARTS, Array

if TYPE_CHECKING:
    from rexp.data.split import Split

COLUMNS = ("users", "items", "ratings", "times")


def arrays_of(split: Split) -> Iterator[tuple[str, Array]]:
    """Every array of a split with its name: ``train.users`` ... ``candidates``."""
    for part in PARTS:
        for column in COLUMNS:
            array = getattr(split.part(part), column)
            if array is not None:
                yield f"{part}.{column}", array
    if split.candidates is not None:
        yield "candidates", split.candidates


def fingerprint(split: Split, users: pl.DataFrame, items: pl.DataFrame) -> str:
    """64 hex digits over the arrays, the vocabularies (as text) and what is known of users and items."""
    digest = hashlib.sha256(split.protocol.encode())
    for name, array in arrays_of(split):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    if split.train.ticks != 1:
        digest.update(f"ticks {split.train.ticks}".encode())
    for role, table in (("user", users), ("item", items)):
        digest.update(table.with_columns(pl.col(role).cast(pl.String)).write_ndjson().encode())
    return digest.hexdigest()

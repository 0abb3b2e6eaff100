"""The fingerprint of a split: a hash of its content, whatever files it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.data.types import PARTS, Array

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.prepare.features.policy import ColumnPolicy

COLUMNS = ("users", "items", "ratings", "times", "weights", "propensities")


def arrays_of(split: Split) -> Iterator[tuple[str, Array]]:
    """Every array of a split with its name: ``train.users`` ... ``candidates``."""
    for part in PARTS:
        for column in COLUMNS:
            array = getattr(split.part(part), column)
            if array is not None:
                yield f"{part}.{column}", array
        for place, name in enumerate(split.contexts):  # a column's name may be no name of a file
            yield f"{part}.context{place}", split.part(part).context[name]
    if split.candidates is not None:
        yield "candidates", split.candidates
    if (lists := split.target_candidates) is not None:
        yield from (("lists.users", lists.users), ("lists.items", lists.items), ("lists.candidates", lists.candidates))


def add_array(digest: hashlib._Hash, name: str, array: Array) -> None:
    """Read an array into a digest: its name, type, shape and content."""
    digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)


def fingerprint(
    split: Split,
    users: pl.DataFrame,
    items: pl.DataFrame,
    vectors: Mapping[str, Array],
    policies: Mapping[str, ColumnPolicy],
) -> str:
    """64 hex digits over the arrays, the vocabularies (as text), what is known of users and items, and what becomes of
    it: the policies, where they say something."""
    digest = hashlib.sha256(split.protocol.encode())
    for name, array in (*arrays_of(split), *vectors.items()):
        add_array(digest, name, array)
    if split.train.ticks != 1:
        digest.update(f"ticks {split.train.ticks}".encode())
    if split.contexts or split.labeled:
        specs = [f"{name} {spec.kind} {spec.cardinality}" for name, spec in split.contexts.items()]
        digest.update(f"labeled {split.labeled} {specs}".encode())
    for role, table in (("user", users), ("item", items)):
        digest.update(table.with_columns(pl.col(role).cast(pl.String)).write_ndjson().encode())
    if said := {name: plain for name, policy in sorted(policies.items()) if (plain := policy.plain())}:
        digest.update(json.dumps(said, sort_keys=True).encode())
    return digest.hexdigest()

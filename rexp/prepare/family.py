"""The family of a split: what all folds of one data set have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from rexp.prepare.fingerprint import COLUMNS, add_array

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.io.json_types import Json


@dataclass(frozen=True)
class FoldedSplitter:
    """A splitter that divides into folds, whichever of them is tested.

    Args:
        name: of the plugin.
        options: all of them but ``fold``.
    """

    name: str
    options: Json


def folded_splitter(name: str, config: Any) -> FoldedSplitter | None:
    """None for a splitter without an option ``fold``."""
    options = asdict(config)
    if "fold" not in options:
        return None
    return FoldedSplitter(name, {key: value for key, value in options.items() if key != "fold"})


def family(
    splitter: FoldedSplitter,
    parts: Mapping[str, Interactions],
    ids: Sequence[pl.Series],
    tables: Sequence[pl.DataFrame | None],
) -> str:
    """64 hex digits over the interactions before they are divided, and the splitter without its fold.

    Args:
        splitter: its name and options.
        parts: the interactions after the filters, in dense ids.
        ids: the data's own ids by dense id, of users and of items.
        tables: what is known of interactions (their further columns, in the order of the file), users and items.
    """
    digest = hashlib.sha256(json.dumps([splitter.name, splitter.options], sort_keys=True, default=str).encode())
    for part, rows in parts.items():
        for column in (*COLUMNS, "rows"):
            if (array := getattr(rows, column)) is not None:
                add_array(digest, f"{part}.{column}", array)
    for known in ids:
        digest.update(known.cast(pl.String).to_frame().write_ndjson().encode())
    for table in tables:
        digest.update(b"none" if table is None else table.write_ndjson().encode())
    return digest.hexdigest()

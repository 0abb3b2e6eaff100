"""The family of a split: what all folds of one data set have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

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


def family(splitter: FoldedSplitter, frames: Mapping[str, pl.DataFrame], tables: Iterable[pl.DataFrame | None]) -> str:
    """64 hex digits over the interactions before they are divided, and the splitter without its fold.

    Args:
        splitter: its name and options.
        frames: the interactions by part, after the filters, with all columns that are kept.
        tables: what is known of users and items.
    """
    digest = hashlib.sha256(json.dumps([splitter.name, splitter.options], sort_keys=True, default=str).encode())
    for part, frame in frames.items():
        digest.update(f"{part} ".encode() + frame.write_ndjson().encode())
    for table in tables:
        digest.update(b"none" if table is None else table.write_ndjson().encode())
    return digest.hexdigest()

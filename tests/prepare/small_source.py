"""A small file of ratings, and what is prepared from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.data.types import PARTS

if TYPE_CHECKING:
    from rexp.data.split import Split

ROWS = "".join(
    f"u{user},i{(user * step) % 7},{1 + (user + step) % 5},{100 * user + step}\n"
    for user in range(1, 6)
    for step in range(1, 7)
)
HEADER = "user_id,item_id,rating,timestamp\n"


def node(path: Path, **more: Any) -> dict[str, Any]:
    return {"name": "csv", "path": str(path), **more}


def prepared_folders(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.is_dir() and path.name != "hashes")


def directory_of(split: Split) -> Path:
    assert split.directory is not None
    return split.directory


def same_content(one: Split, other: Split) -> bool:
    def columns(split: Split) -> list[Any]:
        parts = (split.part(part) for part in PARTS)
        arrays = [array for part in parts for array in (part.users, part.items, part.ratings, part.times)]
        return [None if array is None else array.tolist() for array in arrays]

    return columns(one) == columns(other)

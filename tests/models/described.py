"""Data whose items are described, read as anybody's files are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexp.prepare.prepare import load_split

if TYPE_CHECKING:
    from rexp.data.split import Split

TAGS = {0: "x|y", 1: "y", 2: "y|z", 3: "x|z", 4: "", 5: "x|y", 6: "z|y"}
"""Tags of the items; 4 has none, and 5 and 6 are cold."""
TAKEN = {0: [0, 1], 1: [2, 3], 2: [0, 3, 4], 3: [4]}
PICTURES = np.array(
    [[3, 4, 1], [3, 3, 1], [1, 0, 2], [2, 1, 5], [1, 1, 1], [4, 4, 2], [0, 1, 3]],
    np.float32,
)


def described(folder: Path, titles: list[str] | None = None, *, pictures: bool = False) -> Split:
    """Four users, items 0 to 4 in training, 5 and 6 in the test part alone; with tags, maybe titles and vectors."""
    (folder / "train.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u, its in TAKEN.items() for i in its))
    (folder / "test.csv").write_text("user,item\n0,5\n1,6\n2,5\n3,6\n")
    rows = [f"{item},{tags}" + (f",{titles[item]}" if titles else "") for item, tags in TAGS.items()]
    (folder / "items.csv").write_text("\n".join(["item,tags" + (",title" if titles else ""), *rows]) + "\n")
    files = {name: str(folder / f"{name}.csv") for name in ("train", "test", "items")}
    node: dict[str, Any] = {"name": "csv", "split": {"name": "given"}, "filter": {}, **files}
    if pictures:
        np.save(folder / "pictures.npy", PICTURES)
        node["vectors"] = {"item.picture": str(folder / "pictures.npy")}
    return load_split(node, None, folder / "cache")


def members() -> np.ndarray[Any, Any]:
    """(7, 3) 1 where an item has the tag x, y, z."""
    return np.array([[tag in tags.split("|") for tag in "xyz"] for tags in TAGS.values()], float)


def weighted() -> np.ndarray[Any, Any]:
    """(7, 3) TF-IDF at length 1: ``ln((1 + 5) / (1 + training items with the tag)) + 1``, of x 2, of y 3, of z 2."""
    return units(members() * (np.log(6 / np.array([3, 4, 3])) + 1))


def taken() -> np.ndarray[Any, Any]:
    """(4, 7) 1 where the user took the item in training."""
    return np.array([[item in its for item in TAGS] for its in TAKEN.values()], float)


def units(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The rows at length 1; those of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray[Any, Any] = rows / np.where(lengths > 0, lengths, 1)
    return unit

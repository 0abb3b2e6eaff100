"""What is trained on: the paper's MovieLens 1M where it is at hand, else made-up interactions of the same size."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from rexp.data.interactions import Interactions
from rexp.data.split import Split

USERS, ITEMS, ROWS = 6040, 3706, 994_169


def make_split(share: float = 1.0) -> Split:
    """A split of MovieLens 1M's size; ``share`` keeps only so many of the training interactions."""
    split = _real() or _synthetic()
    if share == 1:
        return split
    train = split.train.take(np.arange(len(split.train)) % round(1 / share) == 0)
    return replace(split, train=train, fingerprint=f"{split.fingerprint}-{share}")


def _real() -> Split | None:
    root = os.environ.get("REXP_DATA")
    if not root or not (Path(root) / "ncf-ml-1m").exists():
        return None
    from rexp.prepare.prepare import load_split

    kept = {"duplicates": "keep", "min_rating": None, "drop_ratings": (), "user_core": 0, "item_core": 0}
    given = {"name": "given", "valid": 0, "order": "last", "seed": 0}
    cache = Path(gettempdir()) / "rexp-bench"
    return load_split({"name": "ncf-ml-1m", "strict": False, "filter": kept, "split": given}, Path(root), cache)


def _synthetic() -> Split:
    """Popularity and activity fall off as in real data; user and item pairs are distinct."""
    random = np.random.default_rng(0)
    keys = np.empty(0, np.int64)
    while len(keys) < ROWS + USERS:
        users = (USERS * random.random(ROWS) ** 1.5).astype(np.int64)
        items = (ITEMS * random.random(ROWS) ** 2.5).astype(np.int64)
        keys = np.unique(np.concatenate([keys, users * ITEMS + items]))
    keys = np.sort(random.choice(keys, ROWS, replace=False))
    train = Interactions((keys // ITEMS).astype(np.int32), (keys % ITEMS).astype(np.int32))
    test = Interactions(np.arange(USERS, dtype=np.int32), random.integers(0, ITEMS, USERS).astype(np.int32))
    return Split("synthetic", train, train.take(np.zeros(ROWS, bool)), test, USERS, ITEMS, "synthetic")

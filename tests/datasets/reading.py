"""Data sets read for tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.prepare.sources import make_dataset

if TYPE_CHECKING:
    from rexp.api import RawData
    from rexp.data.split import Split

NEEDED = {
    "ml-100k": "u.data",
    "ml-1m": "ratings.dat",
    "ncf-ml-1m": "ml-1m.train.rating",
    "gowalla": "train.txt",
    "citeulike-t": "loo-de-rrd.train.txt",
}

needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)


def data_root() -> Path:
    return Path(os.environ["REXP_DATA"])


def read(name: str, root: Path | None, **options: Any) -> RawData:
    dataset = make_dataset({"name": name, **options}, root)
    return dataset.read()


def found(split: Split) -> dict[str, int]:
    return {finding["name"]: finding["count"] for finding in split.report["findings"]}

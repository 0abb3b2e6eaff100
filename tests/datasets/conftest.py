"""The user's own files, as options name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from rexp.prepare.prepare import load_split

if TYPE_CHECKING:
    from rexp.data.split import Split

ALL = {"name": "leave_last", "valid": 0}


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """A split of files that are written first, by the option that names them."""

    def load(*, split: dict[str, Any] = ALL, filter: dict[str, Any] | None = None, **options: Any) -> Split:
        for name in ("path", "train", "valid", "test", "candidates", "items", "users"):
            content = options.get(name)
            if isinstance(content, pl.DataFrame):
                content.write_parquet(tmp_path / f"{name}.parquet")
                options[name] = str(tmp_path / f"{name}.parquet")
            elif isinstance(content, str | bytes):
                suffix = ".txt" if name == "candidates" else ".csv"
                (tmp_path / (name + suffix)).write_bytes(content if isinstance(content, bytes) else content.encode())
                options[name] = str(tmp_path / (name + suffix))
        return load_split({"name": "csv", "split": split, "filter": filter or {}, **options}, None, tmp_path / "cache")

    return load

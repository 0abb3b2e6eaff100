"""A source and a cache of prepared splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prepare.small_source import HEADER, ROWS


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text(HEADER + ROWS)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"

"""The data of the sweeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty users of two tastes over thirty items."""
    random = np.random.default_rng(0)
    rows = ["user,item,time"]
    for user in range(40):
        rows += [f"u{user},{item},{when}" for when, item in enumerate(random.permutation(15)[:9] + 15 * (user % 2))]
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    path.write_text("\n".join(rows) + "\n")
    return path

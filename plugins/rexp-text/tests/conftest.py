"""Word vectors and small data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

WORDS = ["item", *map(str, range(20)), "space", "robot", "love", "kiss"]
VECTORS = np.random.default_rng(0).standard_normal((len(WORDS), 6)).astype(np.float32)


def write_words(path: Path, vectors: np.ndarray[Any, Any] = VECTORS) -> Path:
    """A file of word vectors."""
    if path.suffix == ".npz":
        np.savez(path, words=np.array(WORDS), vectors=vectors)
    else:
        save_file({"vectors": vectors}, path, metadata={"words": json.dumps(WORDS)})
    return path


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """The path of word vectors."""
    return write_words(tmp_path / "words.npz")

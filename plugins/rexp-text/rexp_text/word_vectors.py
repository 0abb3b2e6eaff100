"""Static word vectors in a file: a text is the mean of its words' vectors.

``.npz`` has the arrays ``words`` (W,) of text and ``vectors`` (W, D). ``.safetensors`` has the tensor ``vectors``
(W, D), and in its metadata ``words``, a list in JSON.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from rexp.api import ConfigError

ENDINGS = (".npz", ".safetensors")
WORD = re.compile(r"\w+")
Array = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def encode_words(path: Path, texts: Sequence[str]) -> Array:
    """(N, D) float32: the mean of the vectors of a text's words, in lower case; zeros where none is known.

    Raises:
        ConfigError: the file does not hold words and their vectors.
    """
    words, vectors = read_words(path)
    places = {word: place for place, word in enumerate(words)}
    found = np.zeros((len(texts), vectors.shape[1]), np.float32)
    for row, text in enumerate(texts):
        known = [places[word] for word in WORD.findall(text.lower()) if word in places]
        if known:
            found[row] = vectors[known].mean(0)
    return found


def read_words(path: Path) -> tuple[list[str], Array]:
    """The words of a file and their vectors (W, D).

    Raises:
        ConfigError: as of :func:`encode_words`.
    """
    try:
        words, vectors = _npz(path) if path.suffix == ".npz" else _safetensors(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, SafetensorError) as error:
        raise ConfigError(
            f"encoder={path} does not hold 'words' and 'vectors' as word vectors do ({error}); see the README of "
            "rexp-text"
        ) from error
    if vectors.ndim != 2 or len(words) != len(vectors) or not len(words):
        raise ConfigError(f"encoder={path} has {len(words)} words and vectors of the shape {vectors.shape}")
    return words, vectors


def _npz(path: Path) -> tuple[list[str], Any]:
    with np.load(path, allow_pickle=False) as file:
        return [str(word) for word in file["words"]], file["vectors"].astype(np.float32)


def _safetensors(path: Path) -> tuple[list[str], Any]:
    with safe_open(path, framework="np") as file:
        words = json.loads((file.metadata() or {})["words"])
        return [str(word) for word in words], file.get_tensor("vectors").astype(np.float32)

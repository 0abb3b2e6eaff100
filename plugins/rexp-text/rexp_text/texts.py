"""The texts of items, and their vectors, encoded once for all runs."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from rexp.api import ConfigError, DataError, did_you_mean, tables
from rexp_text.encoder import Encoder

if TYPE_CHECKING:
    from rexp.api import DataSpec, RecommenderModule, Split

LOG = logging.getLogger("rexp.text")
Array = np.ndarray[Any, Any]


def item_tables(
    model: RecommenderModule, split: Split, targets: Sequence[str], ignore: Sequence[str], stage: str
) -> dict[str, Any]:
    """The model's tables with a row for each item, by their paths.

    Raises:
        ConfigError: none of those that are named has so many rows.
    """
    found = tables(model, targets, ignore)
    wanted = {path: table for path, table in found.items() if len(table.rows()) == split.n_items}
    if not wanted:
        raise ConfigError(f"{stage}: {', '.join(found)} has not one row an item; choose tables with targets=[...]")
    return wanted


def text_columns(spec: DataSpec, columns: Sequence[str] | None) -> list[str]:
    """The columns of items' text that are read, all where none is named.

    Raises:
        ConfigError: the data has no such text.
    """
    known = [name for name in spec.text if name.startswith("item.")]
    for name in columns or ():
        if name in spec.features:
            raise ConfigError(
                f"columns: '{name}' is a {spec.features[name].kind} here, no text; {did_you_mean(name, known)}"
            )
        if name not in known:
            raise ConfigError(f"columns: items have no text '{name}'; {did_you_mean(name, known)}")
    if not known:
        raise ConfigError("the data has no text of its items; take model=content for their categories and tags")
    return list(columns or known)


def item_texts(split: Split, columns: Sequence[str]) -> list[str]:
    """The text of every item by dense id, the columns divided by a line break; "" where there is none.

    Raises:
        DataError: all texts are empty, or none has a letter.
    """
    parts = [[text.strip() for text in split.text(name)] for name in columns]
    texts = ["\n".join(filter(None, row)) for row in zip(*parts, strict=True)]
    named, empty = " + ".join(columns), texts.count("")
    if empty == len(texts):
        raise DataError(f"{named} of '{split.name}' is empty for all {len(texts)} items; name another column")
    if not any(letter.isalpha() for text in texts for letter in text):
        raise DataError(f"{named} of '{split.name}' holds numbers and signs alone, no text; name another column")
    if empty:
        LOG.warning("note: %s of %s items have no %s; their vectors are zeros", empty, len(texts), named)
    return texts


def item_vectors(split: Split, encoder: str, columns: Sequence[str]) -> Array:
    """(I, D) float32 vectors of length 1 of the items' texts; zeros for an item without a text.

    Args:
        split: the data; its prepared folder lies in the cache.
        encoder: see :class:`rexp_text.encoder.Encoder`.
        columns: of :func:`text_columns`.

    Raises:
        ConfigError, DataError: the encoder or the texts cannot be used; or no text has a word that it knows.
    """
    texts = item_texts(split, columns)
    assert split.directory is not None  # a split in memory has no text
    vectors = encoded(split.directory.parent / "text", Encoder(Path(encoder)), texts).astype(np.float32)
    vectors[[not text for text in texts]] = 0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.any():
        raise DataError(f"encoder={encoder} knows no word of {' + '.join(columns)}; take one for its language")
    return vectors / np.where(lengths > 0, lengths, 1)


def encoded(cache: Path, encoder: Encoder, texts: Sequence[str]) -> Array:
    """(N, D) float16 vectors, from the cache where this encoder has encoded these texts before.

    An encoder that has changed under its path is said in one line, and encodes anew.

    Args:
        cache: folder of the vectors, made where it is not there.
        encoder: the encoder.
        texts: in their order.
    """
    key = hashlib.sha256(json.dumps([encoder.fingerprint, list(texts)]).encode()).hexdigest()
    cache.mkdir(parents=True, exist_ok=True)
    _say_change(cache, encoder)
    file = cache / f"{key}.npy"
    with FileLock(cache / f"{key}.lock"):  # one process at a time encodes
        if (known := _read(file, len(texts))) is not None:
            return known
        vectors = encoder.encode(texts)
        _replace(file, lambda temporary: np.save(temporary, vectors, allow_pickle=False))
        return vectors


def _read(file: Path, n: int) -> Array | None:
    """What was encoded before; None where there is nothing, or it is damaged."""
    try:
        vectors: Array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.ndim == 2 and len(vectors) == n and vectors.dtype == np.float16 else None


def _say_change(cache: Path, encoder: Encoder) -> None:
    """Remember which encoder was found at the path."""
    known = cache / f"{hashlib.sha256(os.fsencode(encoder.path.resolve())).hexdigest()[:16]}.encoder"
    before = known.read_text() if known.is_file() else encoder.fingerprint
    if before != encoder.fingerprint:
        LOG.warning("note: encoder=%s has changed since its last use; texts are encoded again", encoder.path)
    if before != encoder.fingerprint or not known.is_file():
        _replace(known, lambda temporary: temporary.write_text(encoder.fingerprint))


def _replace(file: Path, write: Any) -> None:
    """Let ``write`` make a file that is there whole or not at all."""
    temporary = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        write(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)

"""Encoders of texts: sentence-transformers, and static word vectors."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rexp.api import ConfigError, DataError
from rexp_text.word_vectors import ENDINGS, encode_words

Vectors = np.ndarray[tuple[int, int], np.dtype[np.float16]]
DOCUMENTS = (".md", ".gitattributes")
"""Files beside a model that decide nothing."""
NEEDED = "sentence-transformers (pip install sentence-transformers)"
FORMAT = 1
"""Version of how texts become vectors here; another one encodes anew."""


def resolve(encoder: str) -> str:
    """The path of an encoder; a name (``all-MiniLM-L6-v2``, ``intfloat/e5-small-v2``) becomes that of its files on this
    machine, so that their content counts for a run's identity. Nothing is downloaded.

    Raises:
        ValueError: there are no such files.
    """
    if not encoder:
        return ""
    path = Path(encoder).expanduser()
    if path.exists() or path.is_absolute() or encoder.startswith(".") or path.suffix in ENDINGS:
        return str(path) if os.sep in str(path) else f".{os.sep}{path}"  # a bare word would pass for no path
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise ValueError(f"encoder={encoder} is no path, and a name needs {NEEDED}") from error
    try:
        name = encoder if "/" in encoder else f"sentence-transformers/{encoder}"
        return snapshot_download(name, local_files_only=True)
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise ValueError(
            f"encoder={encoder} is neither a path nor a model on this machine; download it once "
            f"(hf download {name}), or name a folder or a file of word vectors"
        ) from error


@dataclass(frozen=True)
class Encoder:
    """An encoder that lies at a path.

    Args:
        path: a folder of sentence-transformers, or a file of word vectors (:mod:`rexp_text.word_vectors`).

    Raises:
        ConfigError: there is no such file or folder, or it is no encoder.
    """

    path: Path

    def __post_init__(self) -> None:
        if self.path.is_dir():
            if not any((self.path / name).is_file() for name in ("modules.json", "config.json")):
                raise ConfigError(
                    f"encoder={self.path} is no folder of sentence-transformers: it has neither modules.json nor "
                    "config.json"
                )
        elif not self.path.is_file():
            raise ConfigError(f"encoder={self.path} is not there; name a folder of sentence-transformers or a file")
        elif self.path.suffix not in ENDINGS:
            raise ConfigError(f"encoder={self.path}: word vectors lie in {' or '.join(ENDINGS)}")

    @property
    def is_sentence_model(self) -> bool:
        """Else it is a file of word vectors."""
        return self.path.is_dir()

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of all that decides the vectors: the files (weights, tokenizer, settings) by name and content, and the
        version of what reads them."""
        reader = f"sentence-transformers {self._version()}" if self.is_sentence_model else "words"
        found = [(reader, str(FORMAT))]
        found += [(str(file.relative_to(self.path)), _sha256(file)) for file in self._files()]
        return hashlib.sha256(json.dumps(found).encode()).hexdigest()

    def _version(self) -> str:
        try:
            return version("sentence-transformers")
        except PackageNotFoundError as error:
            raise ConfigError(f"encoder={self.path} needs {NEEDED}; word vectors do not") from error

    def _files(self) -> Iterator[Path]:
        if not self.is_sentence_model:
            yield self.path
            return
        for file in sorted(self.path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(self.path).parts)
            if file.is_file() and not hidden and file.suffix not in DOCUMENTS:
                yield file

    def encode(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float16 vectors of the texts; a sentence model runs in a process of its own.

        Raises:
            ConfigError: the encoder cannot be read.
            DataError: it gives numbers that are not finite.
        """
        vectors = _in_own_process(self.path, texts) if self.is_sentence_model else encode_words(self.path, texts)
        with np.errstate(over="ignore"):
            small = vectors.astype(np.float16)
        if not np.isfinite(small).all():
            raise DataError(f"encoder={self.path} gives numbers that are not finite in 16 bits")
        return small


def _in_own_process(path: Path, texts: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    with TemporaryDirectory(prefix="rexp-text-") as folder:
        wanted, found = Path(folder, "texts.json"), Path(folder, "vectors.npy")
        wanted.write_text(json.dumps(list(texts)), encoding="utf-8")
        command = [sys.executable, "-m", "rexp_text.encode", str(path), str(wanted), str(found)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode or not found.is_file():
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise ConfigError(f"encoder={path} does not work: {said[-1] if said else f'exit {done.returncode}'}")
        vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]] = np.load(found, allow_pickle=False)
        return vectors


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

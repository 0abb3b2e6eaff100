"""Stored indexes: found again, known by their content, built again when damaged."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from rexp.errors import RunError, StoreError
from rexp.plugins import registry
from rexp.retrieve.index_store import IndexFacts, open_index

from .helpers import clustered, typed

VECTORS, QUERIES = clustered(400, 8)


def opened(folder: Path, name: str = "flat", **options: Any) -> tuple[Any, IndexFacts]:
    return open_index(name, typed(name, **options), VECTORS, folder)


def test_it_is_built_once_and_found_again(tmp_path: Path) -> None:
    first, built = opened(tmp_path / "new" / "folder")
    second, found = opened(tmp_path / "new" / "folder")
    assert (built.built, found.built) == (True, False)
    assert found == replace(built, built=False)
    for mine, other in zip(first.search(QUERIES, 9), second.search(QUERIES, 9), strict=True):
        np.testing.assert_array_equal(mine, other)
    files = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert files == [f"{built.fingerprint[:16]}.faiss", f"{built.fingerprint[:16]}.json"]
    assert (tmp_path / "new" / "folder" / str(built.file)).stat().st_size == built.bytes


def test_without_a_folder_it_is_built_and_its_size_known(tmp_path: Path) -> None:
    _, facts = open_index("flat", typed("flat"), VECTORS, None)
    assert facts.built
    assert facts.bytes == opened(tmp_path)[1].bytes
    assert "file" not in facts.to_dict()


def test_the_fingerprint_is_of_vectors_kind_and_options(tmp_path: Path) -> None:
    other = VECTORS.copy()
    other[3, 3] = np.nextafter(other[3, 3], np.float32(9))
    prints = [
        opened(tmp_path)[1].fingerprint,
        open_index("flat", typed("flat"), other, tmp_path)[1].fingerprint,
        open_index("flat", typed("flat"), VECTORS[::-1], tmp_path)[1].fingerprint,
        open_index("flat", typed("flat"), VECTORS.reshape(800, 4), tmp_path)[1].fingerprint,
        opened(tmp_path, metric="cosine")[1].fingerprint,
        opened(tmp_path, "sq8")[1].fingerprint,
        opened(tmp_path, "hnsw")[1].fingerprint,
        opened(tmp_path, "hnsw", m=8)[1].fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert opened(tmp_path)[1].fingerprint == prints[0]


def test_what_is_read_in_a_search_alone_builds_nothing_anew(tmp_path: Path) -> None:
    opened(tmp_path, "ivf", n_probe=1)
    wider, facts = opened(tmp_path, "ivf", n_probe=5, device="cpu")
    assert not facts.built
    assert wider._index.nprobe == 5


def test_the_layout_in_memory_does_not_matter(tmp_path: Path) -> None:
    assert opened(tmp_path)[1].built
    turned = np.asfortranarray(VECTORS)
    assert not open_index("flat", typed("flat"), turned, tmp_path)[1].built


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_damaged_index_is_built_again_and_that_is_noted(tmp_path: Path, damage: Any) -> None:
    sound, facts = opened(tmp_path)
    expected = sound.search(QUERIES, 9)[1]
    del sound
    damage(tmp_path / str(facts.file))
    mended, again = opened(tmp_path)
    assert again.built
    assert [note for note in again.notes if note.startswith("built again: ")]
    np.testing.assert_array_equal(mended.search(QUERIES, 9)[1], expected)
    assert not opened(tmp_path)[1].built


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"bytes": 1, "sha256": "0"}'])
def test_a_damaged_record_counts_as_none(tmp_path: Path, text: str) -> None:
    _, facts = opened(tmp_path)
    record = tmp_path / Path(str(facts.file)).with_suffix(".json")
    record.write_text(text)
    assert opened(tmp_path)[1].built
    assert json.loads(record.read_text())["sha256"] == facts.sha256


def test_an_index_whose_record_was_never_written_is_built_again(tmp_path: Path) -> None:
    _, facts = opened(tmp_path)
    (tmp_path / Path(str(facts.file)).with_suffix(".json")).unlink()
    assert opened(tmp_path)[1].built


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        opened(tmp_path / "file" / "folder")


def test_replacing_an_option_replaces_the_index(tmp_path: Path) -> None:
    config = typed("factory", index="Flat")
    _, first = open_index("factory", config, VECTORS, tmp_path)
    _, second = open_index("factory", replace(config, index="SQ8"), VECTORS, tmp_path)
    assert first.file != second.file


@dataclass(frozen=True)
class BareConfig:
    """No options."""


class Bare:
    """A retriever with what the contract asks for, and nothing beside it."""

    Config: ClassVar[type] = BareConfig

    def __init__(self, config: BareConfig) -> None: ...

    def build(self, vectors: Any) -> None:
        self.vectors = vectors

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores = queries @ self.vectors.T
        items = np.argsort(-scores, axis=1)[:, :n]
        return np.take_along_axis(scores, items, 1), items

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self.vectors)

    def load(self, path: Path) -> None:
        self.vectors = np.load(path)


def test_a_third_party_s_retriever_needs_the_contract_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: Bare)
    bare = registry.Plugin("retriever", "bare", "bare:Bare", "bare-dist", "1.0")
    monkeypatch.setattr(registry, "find", lambda kind, name: bare)
    assert open_index("bare", BareConfig(), VECTORS, None)[1].bytes == VECTORS.nbytes
    assert open_index("bare", BareConfig(), VECTORS, tmp_path)[1].built
    found, facts = open_index("bare", BareConfig(), VECTORS, tmp_path)
    assert not facts.built
    assert found.search(QUERIES, 5)[1].shape == (50, 5)


class Misplaced(Bare):
    """Lets numpy add an ending to the file's name."""

    def save(self, path: Path) -> None:
        np.save(path, self.vectors)


def test_an_index_that_was_written_elsewhere_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: Misplaced)
    bare = registry.Plugin("retriever", "bare", "bare:Bare", "bare-dist", "1.0")
    monkeypatch.setattr(registry, "find", lambda kind, name: bare)
    with pytest.raises(RunError, match=r"wrote no index .*numpy\.save adds an ending"):
        open_index("bare", BareConfig(), VECTORS, tmp_path)
    assert list(tmp_path.iterdir()) == []

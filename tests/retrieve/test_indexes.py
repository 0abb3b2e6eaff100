"""Every kind of index: built, written, mapped into memory, searched, and compared with sorting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rexp.errors import ConfigError, StoreError
from rexp.plugins import registry
from rexp.retrieve.index_store import open_index
from rexp.retrieve.indexes import HNSW

from .helpers import built, clustered, exact, share_found, typed

KINDS: list[tuple[str, dict[str, Any], float]] = [
    ("flat", {}, 1.0),
    ("sq8", {}, 0.98),
    ("hnsw", {}, 0.98),
    ("ivf", {}, 0.95),
    ("ivfpq", {}, 0.75),
    ("pq_fastscan", {}, 0.98),
    ("pq_fastscan", {"refine": 0.0}, 0.75),
    ("binary", {}, 0.75),
    ("factory", {"index": "PCA24,IVF16,SQ8"}, 0.6),
]
EACH = pytest.mark.parametrize(("name", "options", "least"), KINDS, ids=[f"{name}-{o}" for name, o, _ in KINDS])


def test_every_retriever_is_tested_here() -> None:
    assert {name for name, _, _ in KINDS} >= set(registry.names("retriever"))


@EACH
def test_it_finds_most_of_what_sorting_finds(name: str, options: dict[str, Any], least: float) -> None:
    vectors, queries = clustered()
    scores, items = built(name, vectors, **options).search(queries, 30)
    assert (scores.shape, items.shape, items.dtype) == ((50, 30), (50, 30), np.int64)
    assert share_found(items, exact(vectors, queries, 30)[1]) >= least
    assert (np.diff(scores, axis=1) <= 1e-4).all()
    assert all(len(set(row)) == 30 for row in items.tolist())


@EACH
def test_cosine_ignores_the_norms(name: str, options: dict[str, Any], least: float) -> None:
    vectors, queries = clustered()
    scores, items = built(name, vectors, **options, metric="cosine").search(queries, 30)
    assert share_found(items, exact(vectors, queries, 30, "cosine")[1]) >= least - 0.1
    assert np.abs(scores).max() < 1.2


@pytest.mark.parametrize("name", ["flat", "hnsw", "ivf"])
@pytest.mark.parametrize("metric", ["ip", "cosine"])
def test_scores_are_the_metric_s_own(name: str, metric: str) -> None:
    vectors, queries = clustered()
    scores, items = built(name, vectors, metric=metric).search(queries, 5)
    every, order = exact(vectors, queries, 2000, metric)
    own = np.take_along_axis(every, np.argsort(order, axis=1), 1)
    np.testing.assert_allclose(scores, np.take_along_axis(own, items, 1), rtol=1e-4, atol=1e-4)


@EACH
def test_a_file_mapped_into_memory_finds_the_same(
    name: str, options: dict[str, Any], least: float, tmp_path: Path
) -> None:
    vectors, queries = clustered()
    first = built(name, vectors, **options)
    first.save(tmp_path / "index")
    second: Any = registry.load("retriever", name)(typed(name, **options))
    second.load(tmp_path / "index")
    for n in (7, 500):
        for mine, other in zip(first.search(queries, n), second.search(queries, n), strict=True):
            np.testing.assert_array_equal(mine, other)
    assert first.nbytes == second.nbytes == (tmp_path / "index").stat().st_size
    # FAISS copies the codes of a fast scan into an order of its own, and maps no bits.
    if Path("/proc/self/maps").is_file() and options != {"refine": 0.0} and name != "binary":
        assert os.fspath(tmp_path / "index") in Path("/proc/self/maps").read_text()


@EACH
def test_building_again_gives_the_same_file(name: str, options: dict[str, Any], least: float, tmp_path: Path) -> None:
    vectors, _ = clustered(1000)
    for file in ("first", "second"):
        built(name, vectors, **options).save(tmp_path / file)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@EACH
def test_every_item_can_be_found_and_then_nothing_more(name: str, options: dict[str, Any], least: float) -> None:
    vectors, queries = clustered(700)
    _, items = built(name, vectors, **options).search(queries, 800)
    assert all(sorted(row[:700]) == list(range(700)) for row in items.tolist())
    assert (items[:, 700:] == -1).all()


@pytest.mark.parametrize(("name", "options"), [("ivf", {"n_probe": 1}), ("ivfpq", {"n_probe": 1, "m": 4})])
def test_more_lists_are_searched_where_those_probed_are_short(name: str, options: dict[str, Any]) -> None:
    vectors, queries = clustered()
    index = built(name, vectors, **options)
    assert (index.search(queries, 1500)[1] >= 0).all()
    few = index.search(queries, 3)[1]
    np.testing.assert_array_equal(few, index.search(queries, 3)[1])  # the wider search leaves no trace
    assert index._searcher.nprobe == 1


def test_items_of_small_norm_are_reached_in_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, queries = clustered(1500)
    vectors[::2] *= 0.01

    def reached() -> float:
        return float((built("hnsw", vectors, m=16).search(queries, 1500)[1] >= 0).mean())

    assert reached() > 0.999
    monkeypatch.setattr(HNSW, "lifts", False)
    assert reached() < 0.99


@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options, _ in KINDS[:-1]])
def test_faiss_writes_no_warnings(name: str, options: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    built(name, clustered(300)[0], **options)
    assert capfd.readouterr() == ("", "")


def test_sizes_fit_the_items_and_that_is_said() -> None:
    index = built("ivfpq", clustered(400)[0])
    assert index.notes == [
        "vectors of size 33 are padded with zeros to 48",
        "400 items train 10 lists, fewer than the usual 80",
        "400 items train codes of 3 bits, fewer than the usual 8",
    ]
    own = built("ivfpq", clustered(400)[0], n_lists=40, bits=6, m=3)
    assert own.notes == [
        "400 items are few to train 40 lists; 39 for each are better",
        "400 items are few to train 64 codes; 39 for each are better",
    ]


@pytest.mark.parametrize("name", ["flat", "sq8", "hnsw", "ivf", "ivfpq"])
def test_a_handful_of_items(name: str) -> None:
    vectors = clustered(3)[0]
    _, items = built(name, vectors).search(vectors, 3)
    assert all(sorted(row) == [0, 1, 2] for row in items.tolist())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ivf", {"n_lists": 300}, "retriever.n_lists=300 is more than the 200 items"),
        ("ivfpq", {"bits": 8}, "codes of 8 bits need at least 256 items"),
        ("factory", {"index": "Flatt"}, "FAISS cannot build 'Flatt' of 200 vectors of size 33: could not parse"),
        ("factory", {"index": "PQ7"}, "FAISS cannot build 'PQ7'"),
        ("factory", {"index": " "}, "index must name what"),
        ("flat", {"metric": "l2"}, "retriever.metric='l2' is not allowed"),
        ("flat", {"device": "gpu"}, "retriever.device=gpu: this FAISS sees no graphics card"),
        ("hnsw", {"m": 1}, "m=1 must be 2 or more"),
        ("ivfpq", {"bits": 9}, "bits=9 must be 8 or fewer"),
        ("ivf", {"n_probe": 0}, "n_probe=0 must be 1 or more"),
        ("binary", {"bits": 100}, "bits=100 must be a multiple of 8"),
        ("pq_fastscan", {"refine": 0.5}, "refine=0.5 must be 0 or at least 1"),
    ],
)
def test_what_cannot_be_is_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_index(name, typed(name, **options), clustered(200)[0], None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["flat", "binary"])
def test_a_file_that_is_no_index(name: str, tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"nonsense" * 20)
    retriever: Any = registry.load("retriever", name)
    with pytest.raises(StoreError, match="is no index that FAISS can read"):
        retriever(typed(name)).load(tmp_path / "index")


@pytest.mark.parametrize("metric", ["ip", "cosine"])
def test_bits_are_signs_of_projections(metric: str) -> None:
    """By numpy alone: codes of a bit a direction, and the cosine that their share of unlike bits stands for."""
    vectors, queries = clustered(300)
    scores, items = built("binary", vectors, metric=metric, bits=64, seed=3).search(queries, 300)
    if metric == "ip":
        norms = np.square(vectors).sum(1)
        vectors = np.column_stack([vectors, np.sqrt(norms.max() - norms)])
        queries = np.column_stack([queries, np.zeros(len(queries), np.float32)])
    directions = np.random.default_rng(3).standard_normal((vectors.shape[1], 64), dtype=np.float32)
    unlike = ((queries @ directions > 0)[:, None] != (vectors @ directions > 0)[None]).mean(2)
    expected = np.take_along_axis(np.cos(np.pi * unlike), items, 1)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert built("binary", vectors, bits=64).nbytes < 300 * 8 + 200


def test_a_rotation_is_trained_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    """Few vectors for the codes of its quantizer: FAISS would say so once a step and part."""
    vectors = np.random.default_rng(0).normal(size=(600, 32)).astype(np.float32)
    built("factory", vectors, index="OPQ4_32,IVF8,PQ4x4fs,RFlat")
    said = capfd.readouterr()
    assert "WARNING" not in said.out + said.err

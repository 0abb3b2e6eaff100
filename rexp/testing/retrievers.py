"""Checks of retrievers."""

from __future__ import annotations

from typing import Any

import numpy as np

from rexp.api.retrieval import METRIC
from rexp.testing.check import Check, Subject, require
from rexp.testing.process import no_global_chance

Array = np.ndarray[Any, Any]
ITEMS, WIDTH, QUERIES, N = 400, 16, 12, 10
LEAST_RECALL = 0.15
"""Six times what ten items of 400 drawn at random would have; a coarse code may find few, noise finds none."""


def vectors(subject: Subject) -> tuple[Array, Array]:
    """Item vectors in clusters, and queries."""
    chance = np.random.default_rng(subject.seed)
    centers = chance.standard_normal((8, WIDTH))
    items = centers[np.arange(ITEMS) % 8] + 0.5 * chance.standard_normal((ITEMS, WIDTH))
    queries = centers[np.arange(QUERIES) % 8] + 0.5 * chance.standard_normal((QUERIES, WIDTH))
    return items.astype(np.float32), queries.astype(np.float32)


def built(subject: Subject) -> Any:
    index = subject.make()
    index.build(vectors(subject)[0])
    return index


def shape(subject: Subject) -> None:
    scores, items = built(subject).search(vectors(subject)[1], N)
    wanted = (QUERIES, N)
    fits = scores.shape == items.shape == wanted
    require(fits, f"search gives scores {scores.shape} and items {items.shape}, not {wanted}")
    require(scores.dtype.kind == "f", f"scores are {scores.dtype}, not floating point")
    require(items.dtype.kind in "iu", f"items are {items.dtype}, and no whole numbers")
    require(bool(((items >= -1) & (items < ITEMS)).all()), "an item is beyond the vectors")
    for row in items:
        found = row[row >= 0]
        require(len(set(found.tolist())) == len(found), "an item is found twice for one query")
        require(bool((row[len(found) :] == -1).all()), "-1 stands before an item that was found")


def best_first(subject: Subject) -> None:
    scores, items = built(subject).search(vectors(subject)[1], N)
    for row, found in zip(scores, items, strict=True):
        known = row[found >= 0]
        require(bool((np.diff(known) <= 1e-5).all()), "scores of a query are not sorted, best first")


def recall(subject: Subject) -> None:
    items, queries = vectors(subject)
    if METRIC.of(subject.config) == "cosine":
        items = items / np.linalg.norm(items, axis=1, keepdims=True)
    wanted = np.argsort(-(queries @ items.T), axis=1)[:, :N]
    _, found = built(subject).search(queries, N)
    shares = [len(set(a.tolist()) & set(b.tolist())) / N for a, b in zip(wanted, found, strict=True)]
    share = float(np.mean(shares))
    require(
        share >= LEAST_RECALL, f"search finds {share:.0%} of the {N} best by inner product; {LEAST_RECALL:.0%} is asked"
    )


def inputs_kept(subject: Subject) -> None:
    items, queries = vectors(subject)
    index = subject.make()
    index.build(items)
    index.search(queries, N)
    same = all(np.array_equal(a, b) for a, b in zip((items, queries), vectors(subject), strict=True))
    require(same, "build or search writes into the vectors it is given")


def repeatable(subject: Subject) -> None:
    queries = vectors(subject)[1]
    with no_global_chance("build or search"):
        first = built(subject).search(queries, N)
    second = built(subject).search(queries, N)
    require(np.array_equal(first[1], second[1]), "a second index of the same vectors finds other items")


def queries_apart(subject: Subject) -> None:
    index, queries = built(subject), vectors(subject)[1]
    _, together = index.search(queries, N)
    for row in (0, QUERIES - 1):
        _, alone = index.search(queries[row : row + 1], N)
        same = len(set(alone[0].tolist()) & set(together[row].tolist()))
        # Products of differently shaped blocks are rounded differently, which may swap two that are equal.
        require(same >= N - 1, "a query alone finds other items than in a block")


def saved(subject: Subject) -> None:
    index, queries = built(subject), vectors(subject)[1]
    path = subject.folder / "index.of-some-kind"
    index.save(path)
    require(path.is_file(), f"save writes no file of the name it is given; there is {_names(subject)}")
    other = subject.make()
    other.load(path)
    first, second = index.search(queries, N), other.search(queries, N)
    same = np.array_equal(first[1], second[1]) and np.allclose(first[0], second[0], rtol=1e-5)
    require(same, "an index that is read from its file finds otherwise")


def _names(subject: Subject) -> list[str]:
    return sorted(path.name for path in subject.folder.iterdir())


def all_items(subject: Subject) -> None:
    _, items = built(subject).search(vectors(subject)[1], ITEMS)
    require(items.shape == (QUERIES, ITEMS), f"a search for all {ITEMS} items gives {items.shape}")


SHAPE = ("retriever.shape",)
CHECKS = (
    Check("retriever.shape", "Candidates are read by place.", shape),
    Check("retriever.best-first", "The list is cut behind its n-th place.", best_first, SHAPE),
    Check("retriever.inputs-kept", "The vectors are the model's.", inputs_kept, SHAPE),
    Check("retriever.repeatable", "An index is known by its vectors and options.", repeatable, SHAPE),
    Check("retriever.recall", "An index that finds no neighbors is of no use.", recall, ("retriever.repeatable",)),
    Check(
        "retriever.queries-apart",
        "Users come in blocks, of whatever size fits.",
        queries_apart,
        ("retriever.repeatable",),
    ),
    Check(
        "retriever.saved", "A run of the same vectors reads the index from its file.", saved, ("retriever.repeatable",)
    ),
    Check("retriever.all-items", "As many may be asked for as there are.", all_items, SHAPE),
)

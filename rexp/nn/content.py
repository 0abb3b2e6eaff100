"""Items as vectors of their content: tags, categories, words, and vectors that the data brings.

What is learned here (a vocabulary, how rare a word is, directions, a map) is learned from the items of the training
part alone, so that figures of held-out items owe nothing to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array, hstack, issparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from rexp.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from rexp.data.query import DataSpec
    from rexp.data.split import Split
    from rexp.data.types import Array, Feature

MAX_BYTES = 2 * 2**30
"""Of a dense table of all items; beyond it, words are to be reduced first."""


@dataclass(frozen=True)
class ContentOptions:
    """What is read of items, and how; see :class:`ItemContent`.

    Args:
        columns: features and texts of items (``item.genres``, ``item.title``, ``item.image``); null takes every set,
            category, text and vector that the data has of them.
        how: what becomes of words, tags and categories: ``bow``, which there are; ``tfidf``, the rarer the more;
            ``svd``, the first ``dim`` directions of that (latent semantic analysis).
        dim: directions of each column.
    """

    columns: tuple[str, ...] | None = None
    how: Literal["bow", "tfidf", "svd"] = "tfidf"
    dim: int = 200

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"dim={self.dim} must be 1 or more")
        if self.columns is not None and not self.columns:
            raise ValueError("columns=[] leaves nothing to read; name some, or leave it out for all")


class ItemContent:
    """Reads the content of all items: every column's vectors are brought to length 1 and set side by side.

    Args:
        options: what is read, and how.
        spec: of the data.

    Raises:
        ConfigError: the data has no such column, or none at all.
    """

    def __init__(self, options: ContentOptions, spec: DataSpec) -> None:
        self.options = options
        of_items = {name: its for name, its in spec.features.items() if its.side == "item" and its.kind != "number"}
        # A set of which training has no member says nothing: its one category is the unknown.
        told = {name: its for name, its in of_items.items() if its.kind == "vector" or its.cardinality > 1}
        kinds: dict[str, str] = {name: its.kind for name, its in told.items()}
        kinds |= {name: "text" for name in spec.text if name.startswith("item.")}
        for name in options.columns or ():
            if name not in kinds:
                raise ConfigError(f"columns: items have no content '{name}'; {did_you_mean(name, list(kinds))}")
        self.columns = list(kinds) if options.columns is None else list(options.columns)
        if not self.columns:
            raise ConfigError(
                "the data tells nothing of its items (no set, category, text or vector) to compare them by"
            )
        self.dense = options.how == "svd" or "vector" in {kinds[name] for name in self.columns}

    def read(self, split: Split, seed: int) -> csr_array | Array:
        """(I, D) float32 vectors, sparse or (:attr:`dense`) an array; zeros for an item of which nothing is known.

        Args:
            split: the data.
            seed: of the solver behind ``how=svd``.

        Raises:
            ConfigError: a text without words, or a dense table that would be too large.
        """
        warm = split.in_catalogue("train")
        blocks = [normalize(self._column(split, name, warm, seed)) for name in self.columns]
        if not self.dense:
            return csr_array(hstack(blocks, format="csr"), dtype=np.float32)
        width = sum(block.shape[1] for block in blocks)
        if 4 * width * split.n_items > MAX_BYTES:
            raise ConfigError(
                f"{width} numbers for each of {split.n_items} items are {4 * width * split.n_items / 2**30:.0f} GiB; "
                "take how=svd, or fewer columns"
            )
        return np.hstack([block.toarray() if issparse(block) else block for block in blocks]).astype(np.float32)

    def _column(self, split: Split, name: str, warm: Array, seed: int) -> csr_array | Array:
        """The vectors of one column."""
        if name in split.spec.text:
            counts = _words(split.text(name), warm, name)
        else:
            feature = split.features()[name]
            if feature.spec.kind == "vector":
                return np.asarray(feature.values, np.float32)
            counts = _members(feature)
        if self.options.how == "bow":
            return counts
        weighted = TfidfTransformer().fit(counts[warm]).transform(counts)
        if self.options.how == "tfidf":
            return weighted
        dim = min(self.options.dim, *weighted[warm].shape)
        if dim == weighted.shape[1]:
            return weighted.toarray()  # as many directions as there are: nothing is left out
        return TruncatedSVD(dim, random_state=seed).fit(weighted[warm]).transform(weighted)


def _members(feature: Feature) -> csr_array:
    """(n, categories) 1 where a row has the category; the unknown one, 0, is left out."""
    values = np.asarray(feature.values).reshape(len(feature.values), -1)
    rows, places = np.nonzero(values)
    shape = (len(values), feature.spec.cardinality - 1)
    return csr_array((np.ones(len(rows), np.float32), (rows, values[rows, places] - 1)), shape=shape)


def _words(texts: list[str], warm: Array, name: str) -> csr_array:
    """(n, words) how often a text has each word of those that training knows."""
    counter = CountVectorizer(dtype=np.float32)
    try:
        counter.fit([text for text, known in zip(texts, warm, strict=True) if known])
    except ValueError as error:  # scikit-learn's word for texts without words
        raise ConfigError(f"columns: '{name}' has no words among the items of the training part") from error
    return csr_array(counter.transform(texts))


def mapped(content: csr_array | Array, vectors: Array, known: Array, l2: float) -> Array:
    """(n, D) vectors of all items by ridge regression from their content, learned from the known ones.

    Args:
        content: (n, C) what the items are.
        vectors: (n, D) of which the rows of ``known`` (n,) bool are read.
        l2: strength of the penalty; the intercept has none.
    """
    ridge = Ridge(l2, solver="sparse_cg" if issparse(content) else "cholesky", tol=1e-6)
    found: Array = ridge.fit(content[known], vectors[known]).predict(content)
    return found.astype(np.float32)

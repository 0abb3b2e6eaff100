"""Items as codes of their texts: vectors that items with like texts share, and that are learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from rexp.api import CompactEmbedding, ConfigError, EmbeddingTable, Requirement, replace_module
from rexp_text.content import TextOptions
from rexp_text.texts import item_tables, item_vectors

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageContext

MOST_BITS = 15
ITERATIONS = 25
"""Of k-means, as faiss has it."""


@dataclass(frozen=True)
class TextCodesConfig(TextOptions):
    """Options of :class:`TextCodes`.

    Args:
        encoder, columns: see :class:`rexp_text.content.TextOptions`.
        pieces: codes of an item; each piece of its text's vector gives one.
        bits: of a code: 2^bits learned vectors for each piece.
        targets, ignore: patterns of the tables' paths in the model; those of items are replaced.
    """

    pieces: int = 32
    bits: int = 8
    targets: tuple[str, ...] = ("*item*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pieces < 1 or not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"pieces={self.pieces} must be 1 or more, bits={self.bits} from 1 to {MOST_BITS}")


class CodedTable(CompactEmbedding):
    """The row of an id is the mean of the vectors that its codes name (eq. 3 of the paper).

    Args:
        n_rows, dim: the shape of the dense table.
        pieces: codes of a row.
        size: vectors that a code may name.
    """

    codes: Tensor

    def __init__(self, n_rows: int, dim: int, pieces: int, size: int) -> None:
        super().__init__(n_rows, dim, pieces=pieces, size=size)
        dtype = torch.uint8 if size <= 2**8 else torch.int16
        self.register_buffer("codes", torch.zeros(n_rows, pieces, dtype=dtype))
        self.vectors = EmbeddingTable(pieces * size, dim)
        self.pieces, self.size = pieces, size

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        starts = self.size * torch.arange(self.pieces, device=ids.device)
        vectors: Tensor = self.vectors(self.codes[ids].long() + starts)
        return vectors.mean(1)

    def n_codes(self) -> int:
        """So many for each row."""
        return self.n_rows * self.pieces


class TextCodes:
    """Vector-quantized item representations (Hou, He, McAuley, Zhao: VQ-Rec, WWW 2023): the vectors of items' texts are
    product-quantized, and an item is the mean of the learned vectors of its codes. With ``model=sasrec`` it is VQ-Rec's
    model, trained on one data set.

    The centres are those of the training items' texts; an item without a training interaction has codes as any other,
    and so the vectors that items with like texts have learned. Left out of the paper: the rotation before the
    quantization, pre-training on other data sets, and its hard negatives.
    """

    Config: ClassVar[type] = TextCodesConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    phase: ClassVar[Literal["build"]] = "build"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"table": CodedTable}

    def __init__(self, config: TextCodesConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: RecommenderModule, context: StageContext) -> None:
        """Put coded tables in the places of the items' tables.

        Raises:
            ConfigError: no encoder, no such text, no table of items, or fewer texts than a code can name.
        """
        config, split = self.config, context.split
        columns = config.checked(split.spec)
        wanted = item_tables(model, split, config.targets, config.ignore, "text_codes")
        vectors = item_vectors(split, config.encoder, columns)
        seed = int(torch.randint(2**31 - 1, (1,), generator=context.generator))
        codes = product_codes(vectors, split.train_users_per_item > 0, config.pieces, config.bits, seed)
        for path, dense in wanted.items():
            n_rows, dim = dense.rows().shape
            table = CodedTable(n_rows, dim, config.pieces, 2**config.bits)
            table.codes.copy_(torch.from_numpy(codes))
            # A mean of so many has the deviation of the row in whose place it stands.
            scale = float(dense.rows().std()) * config.pieces**0.5
            table.vectors.assign(scale * torch.randn(table.vectors.weight.shape, generator=context.generator))
            replace_module(model, path, table.to(dense.rows().device))


def product_codes(
    vectors: np.ndarray[Any, Any], trained: np.ndarray[Any, Any], pieces: int, bits: int, seed: int
) -> np.ndarray[Any, Any]:
    """(I, pieces) int64 codes by product quantization (Jégou, Douze, Schmid, TPAMI 2011).

    Args:
        vectors: (I, D) float32 of the items; zeros are added where D is no multiple of ``pieces``.
        trained: (I,) bool, the items whose vectors the centres are found from.
        pieces, bits: see :class:`TextCodesConfig`.
        seed: of k-means.

    Raises:
        ConfigError: fewer texts than 2^bits, or more pieces than the vectors have numbers.
    """
    import faiss

    learned = vectors[trained & vectors.any(1)]
    if len(np.unique(learned, axis=0)) < 2**bits:
        raise ConfigError(
            f"bits={bits} needs {2**bits} different texts of training items, and there are "
            f"{len(np.unique(learned, axis=0))}; take fewer bits"
        )
    if pieces > vectors.shape[1]:
        raise ConfigError(f"pieces={pieces}: the texts' vectors have {vectors.shape[1]} numbers; take fewer pieces")
    width = -(-vectors.shape[1] // pieces)
    padded = np.pad(vectors, ((0, 0), (0, width * pieces - vectors.shape[1]))).astype(np.float32)
    codes = np.empty((len(vectors), pieces), np.int64)
    for piece, columns in enumerate(np.split(padded, pieces, 1)):
        points = np.ascontiguousarray(columns)
        # It warns below 39 points a centre; small catalogs have fewer.
        means = faiss.Kmeans(width, 2**bits, niter=ITERATIONS, seed=seed, min_points_per_centroid=1)
        means.train(np.ascontiguousarray(points[trained & vectors.any(1)]))
        codes[:, piece] = means.index.search(points, 1)[1][:, 0]
    return codes

"""The kinds of FAISS index (Douze et al., The Faiss library, 2024), each a retriever plugin."""

from __future__ import annotations

from typing import Any, ClassVar

from rexp.retrieve._training_sizes import bits_for, check_codes, lists_for
from rexp.retrieve.faiss_index import Array, FaissIndex, inverted_lists
from rexp.retrieve.options import FactoryOptions, HNSWOptions, IVFOptions, IVFPQOptions, Options, PQFastScanOptions


class Flat(FaissIndex):
    """Exact search through all vectors."""

    Config: ClassVar[type] = Options

    def describe(self, n_items: int, dim: int) -> str:
        """Vectors as they are."""
        return "Flat"


class SQ8(FaissIndex):
    """All vectors, each coordinate kept in one byte: a quarter of the memory."""

    Config: ClassVar[type] = Options

    def width(self, dim: int) -> int:
        """Whole registers: FAISS is several times as slow at any other size."""
        return _multiple(16, dim)

    def describe(self, n_items: int, dim: int) -> str:
        """A scalar quantizer of 8 bits."""
        return "SQ8"


class HNSW(FaissIndex):
    """A graph of neighbors in layers (Malkov and Yashunin, IEEE TPAMI 2020).

    Under inner products alone an item of small norm is nobody's neighbor, and no walk reaches it: vectors are lifted.
    """

    Config: ClassVar[type] = HNSWOptions
    lifts: ClassVar[bool] = True
    searched_with: ClassVar[frozenset[str]] = frozenset({"device", "ef_search"})
    config: HNSWOptions

    def describe(self, n_items: int, dim: int) -> str:
        """A graph over vectors as they are."""
        return f"HNSW{self.config.m},Flat"

    def tune(self, index: Any) -> None:
        """Set how many candidates are looked at when a node is put in."""
        index.hnsw.efConstruction = self.config.ef_construction

    def search(self, queries: Array, n: int) -> tuple[Array, Array]:
        """Scores and items (B, n) of (B, D) queries; a walk that keeps fewer than ``n`` would end too early."""
        self._index.hnsw.efSearch = max(self.config.ef_search, n)
        return super().search(queries, n)


class IVF(FaissIndex):
    """Vectors in lists by their nearest centroid; the best lists are searched (Sivic and Zisserman, ICCV 2003).

    Where lists are short, more are searched. Vectors are lifted, which puts items of like direction and norm together.
    """

    Config: ClassVar[type] = IVFOptions
    lifts: ClassVar[bool] = True
    searched_with: ClassVar[frozenset[str]] = frozenset({"device", "n_probe"})
    config: IVFOptions

    def describe(self, n_items: int, dim: int) -> str:
        """Lists of vectors as they are."""
        return f"IVF{lists_for(n_items, self.config.n_lists, self.notes)},Flat"

    def tune(self, index: Any) -> None:
        """Set how many lists are searched."""
        index.nprobe = min(self.config.n_probe, index.nlist)


class IVFPQ(IVF):
    """Lists of vectors in codes of a product quantizer (Jégou, Douze and Schmid, IEEE TPAMI 2011)."""

    Config: ClassVar[type] = IVFPQOptions
    lifts: ClassVar[bool] = False  # codes would be spent on the lift
    config: IVFPQOptions

    def width(self, dim: int) -> int:
        """All pieces are equally long."""
        return _multiple(self.config.m, dim)

    def describe(self, n_items: int, dim: int) -> str:
        """Lists of codes."""
        lists = lists_for(n_items, self.config.n_lists, self.notes)
        bits = bits_for(n_items, self.config.bits, self.notes)
        return f"IVF{lists},PQ{self.config.m}x{bits}np"  # not polysemous, which costs nearly all the time of training


class PQFastScan(FaissIndex):
    """Codes of 4 bits, compared in registers (André, Kermarrec and Le Scouarnec, VLDB 2015), the best exactly."""

    Config: ClassVar[type] = PQFastScanOptions
    searched_with: ClassVar[frozenset[str]] = frozenset({"device"})
    config: PQFastScanOptions

    def width(self, dim: int) -> int:
        """All pieces are equally long."""
        return _multiple(self.config.m, dim)

    def describe(self, n_items: int, dim: int) -> str:
        """Codes, and vectors as they are beside them."""
        check_codes(n_items, 4, self.notes)
        return f"PQ{self.config.m}x4fs" + (",RFlat" if self.config.refine else "")

    def tune(self, index: Any) -> None:
        """Set how many are scored exactly."""
        if self.config.refine:
            index.k_factor = self.config.refine


class Factory(FaissIndex):
    """Whatever ``faiss.index_factory`` can build."""

    Config: ClassVar[type] = FactoryOptions
    searched_with: ClassVar[frozenset[str]] = frozenset({"device", "n_probe"})
    config: FactoryOptions

    def describe(self, n_items: int, dim: int) -> str:
        """As it was written."""
        return self.config.index

    def tune(self, index: Any) -> None:
        """Set how many lists are searched, where there are lists."""
        lists = inverted_lists(index)
        if lists is not None:
            lists.nprobe = min(self.config.n_probe, lists.nlist)


def _multiple(of: int, dim: int) -> int:
    return -(-dim // of) * of

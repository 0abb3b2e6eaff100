"""Options of the retrievers; each class is the ``Config`` of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "gpu"]


@dataclass(frozen=True)
class Options:
    """Options common to all retrievers.

    Args:
        metric: "ip", the inner product, or "cosine".
        device: where to search: "auto" takes a graphics card where there is one and faiss-gpu can use it.
    """

    metric: Literal["ip", "cosine"] = "ip"
    device: Device = "auto"


@dataclass(frozen=True)
class HNSWOptions(Options):
    """Options of :class:`rexp.retrieve.indexes.HNSW`.

    Args:
        metric, device: as of :class:`Options`.
        m: neighbors of a node in the graph; twice as many in its lowest layer.
        ef_construction: candidates looked at when a node is put in.
        ef_search: candidates looked at in a search.
    """

    m: int = 32
    ef_construction: int = 200
    ef_search: int = 128

    def __post_init__(self) -> None:
        _at_least(1, self, "ef_construction", "ef_search")
        _at_least(2, self, "m")


@dataclass(frozen=True)
class IVFOptions(Options):
    """Options of :class:`rexp.retrieve.indexes.IVF`.

    Args:
        metric, device: as of :class:`Options`.
        n_lists: lists the vectors are divided into; null takes about 4 sqrt(I), but no more than can be trained.
        n_probe: lists searched for a query; more where these hold too few items.
    """

    n_lists: int | None = None
    n_probe: int = 16

    def __post_init__(self) -> None:
        _at_least(1, self, "n_lists", "n_probe")


@dataclass(frozen=True)
class IVFPQOptions(IVFOptions):
    """Options of :class:`rexp.retrieve.indexes.IVFPQ`.

    Args:
        metric, device: as of :class:`Options`.
        n_lists, n_probe: as of :class:`IVFOptions`.
        m: pieces a vector is cut into, each stored as one code.
        bits: bits of a code; null takes 8, or as many as the items can train.
    """

    m: int = 16
    bits: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least(1, self, "m", "bits")
        if self.bits is not None and self.bits > 8:
            raise ValueError(f"bits={self.bits} must be 8 or fewer")


@dataclass(frozen=True)
class PQFastScanOptions(Options):
    """Options of :class:`rexp.retrieve.indexes.PQFastScan`.

    Args:
        metric, device: as of :class:`Options`.
        m: pieces a vector is cut into, each stored in 4 bits.
        refine: how many times the wanted candidates are taken from the codes and sorted by their exact score;
            0 keeps no exact vectors.
    """

    m: int = 32
    refine: float = 8.0

    def __post_init__(self) -> None:
        _at_least(1, self, "m")
        if self.refine != 0 and self.refine < 1:
            raise ValueError(f"refine={self.refine} must be 0 or at least 1")


@dataclass(frozen=True)
class FactoryOptions(Options):
    """Options of :class:`rexp.retrieve.indexes.Factory`.

    Args:
        metric, device: as of :class:`Options`.
        index: what ``faiss.index_factory`` reads, such as "OPQ16_64,IVF256,PQ16x4fs,RFlat".
        n_probe: lists searched for a query, where the index has lists.
    """

    index: str = "Flat"
    n_probe: int = 16

    def __post_init__(self) -> None:
        _at_least(1, self, "n_probe")
        if not self.index.strip():
            raise ValueError("index must name what faiss.index_factory can build, such as IVF256,Flat")


def _at_least(least: int, options: Options, *names: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value is not None and value < least:
            raise ValueError(f"{name}={value} must be {least} or more")

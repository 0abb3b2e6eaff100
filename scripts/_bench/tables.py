"""Compact tables in a batch that reads more ids than they have rows."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import torch
from torch import nn

from _bench.clock import now
from rexp.compress.embed.lowrank import LowRankTable
from rexp.compress.embed.mixed_dim import MixedDimensionTable
from rexp.compress.embed.qr import QuotientRemainderTable
from rexp.compress.embed.tt import TensorTrainTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from rexp.nn.compact_embedding import CompactEmbedding

ROWS, DIM, BATCH, REPEATS = 1682, 64, (2048, 17), 10


def lookups(rounds: int) -> None:
    """Print milliseconds of a forward and backward pass, id by id and by way of all rows; the sides take turns."""
    torch.manual_seed(0)
    ids, gradient = torch.randint(0, ROWS, BATCH), torch.randn(*BATCH, DIM)
    print(f"\n{ids.numel():,} lookups in tables of {ROWS:,} x {DIM}, ms, median of {rounds}")
    for name, table in _tables().items():
        for parameter in table.parameters():
            nn.init.normal_(parameter)
        sides = {"by id": lambda table=table: table.lookup(ids.flatten()), "by row": lambda table=table: table(ids)}
        took: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, read in sides.items():
                took[side].append(_milliseconds(read, gradient))
        print(
            f"  {name:20}" + "".join(f"{side} {statistics.median(ms):8.2f}   " for side, ms in took.items()), flush=True
        )


def _tables() -> dict[str, CompactEmbedding]:
    mixed = MixedDimensionTable(ROWS, DIM, [20, 40, 80, 120, 200, 300, 400, 522], [16, 12, 10, 8, 8, 6, 6, 4])
    mixed.places.copy_(torch.arange(ROWS))
    return {
        "tensor train": TensorTrainTable(ROWS, DIM, 16),
        "mixed dimensions": mixed,
        "low rank": LowRankTable(ROWS, DIM, 7),
        "quotient-remainder": QuotientRemainderTable(ROWS, DIM, 41, "product"),
    }


def _milliseconds(read: Callable[[], Tensor], gradient: Tensor) -> float:
    read().view(gradient.shape).backward(gradient)
    started = now()
    for _ in range(REPEATS):
        read().view(gradient.shape).backward(gradient)
    return 1000 * (now() - started) / REPEATS

"""Console table of a stored run's cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from rexp.io.terminal import Screen

if TYPE_CHECKING:
    from rich.console import Console

Cost = Mapping[str, float]
SIZES = {
    "parameters": "parameters",
    "nonzero": "of them not 0",
    "weight_bytes": "bytes of the file",
    "resident_bytes": "bytes in memory",
    "nominal_bytes": "bytes without zeros (nominal)",
    "index_bytes": "bytes of the index",
    "multiply_adds_pair": "multiply-adds, one item",
    "multiply_adds_catalogue": "multiply-adds, whole catalogue",
}


def print_costs(title: str, cost: Cost) -> None:
    """Sizes and multiply-adds, one a line, and the latency as a table."""
    console = Screen()
    console.print(title, style="bold", soft_wrap=True)
    sizes = Table(box=None, show_header=False, pad_edge=False)
    sizes.add_column()
    sizes.add_column(justify="right")
    for key, words in SIZES.items():
        if key in cost:
            sizes.add_row(words, f"{cost[key]:,.0f}")
    console.print(sizes)
    print_latencies({"torch": cost}, console)


def print_latencies(costs: Mapping[str, Cost], console: Console) -> None:
    """Latency by number of candidates, one row each and runtime.

    Args:
        costs: by the name of the runtime.
        console: where to.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("candidates", "runtime", "p10 ms", "p50 ms", "p95 ms"):
        table.add_column(title, justify="left" if title == "runtime" else "right")
    for n in measured_sizes(next(iter(costs.values()))):
        for runtime, cost in costs.items():
            table.add_row(f"{n:,}", runtime, *(f"{cost[f'score_{n}_p{share}_ms']:.4f}" for share in (10, 50, 95)))
    console.print(table)


def measured_sizes(cost: Cost) -> list[int]:
    """Numbers of candidates whose latency is known, ascending.

    >>> measured_sizes({"score_100_p50_ms": 0.2, "score_1_p50_ms": 0.1, "parameters": 3})
    [1, 100]
    """
    found = [key.split("_")[1] for key in cost if key.startswith("score_") and key.endswith("_p50_ms")]
    return sorted(map(int, found))

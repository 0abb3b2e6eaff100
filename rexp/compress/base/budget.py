"""Size budgets of embedding tables, solved for a stage's own option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.nn.compact_embedding import CompactEmbedding
    from rexp.nn.embedding import EmbeddingTable

RATIO = 4.0
"""Times smaller than the dense tables, where a recipe says neither a budget nor the stage's own knob."""


@dataclass(frozen=True)
class TableOptions:
    """Options of every stage that swaps embedding tables.

    Args:
        targets, ignore: patterns of the tables' paths in the model; a table that would not get smaller is left alone.
        budget: the size that the stage solves its own knob for, where the knob is null; 4 times smaller where both are.
        unit: of the budget: ``ratio``, so many times smaller in bytes; ``bytes`` of all these tables together; or
            ``ppd``, parameters per dimension of each table (Tsang and Ahle, NeurIPS 2023): budget x dim of them.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    budget: float | None = None
    unit: Literal["ratio", "bytes", "ppd"] = "ratio"

    def check(self, *, trained: bool = True, **knobs: float | None) -> None:
        """Refuse a budget or knob that cannot be, or both at once; a table without parameters has none to count.

        Raises:
            ValueError: saying which.
        """
        least = 1 if self.unit == "ratio" else 0
        if self.budget is not None and self.budget <= least:
            raise ValueError(f"budget={self.budget:g} ({self.unit}) must be above {least}")
        if self.unit == "ppd" and not trained:
            raise ValueError("unit=ppd counts what is trained, and codes are not; take ratio or bytes")
        for name, value in knobs.items():
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be 1 or more")
            if value is not None and self.budget is not None:
                raise ValueError(f"{name}={value} and budget={self.budget:g} say the same thing; give one of them")


@dataclass(frozen=True)
class TableBudget:
    """The budget of one table, in bytes or parameters.

    One that nobody asked for is no reason to refuse a table: the least that can be made is taken.
    """

    most: float
    counted: Literal["bytes", "parameters"]
    asked: bool

    def size(self, table: CompactEmbedding) -> int:
        """The size of a table in the unit of its budget."""
        return table.nbytes() if self.counted == "bytes" else sum(p.numel() for p in table.parameters())

    def largest(self, make: Callable[[int], CompactEmbedding], least: int, most: int) -> int:
        """The largest knob whose table fits, by bisection over empty tables.

        Args:
            make: a table of this knob, which grows with it.
            least, most: the knob's range.

        Raises:
            ConfigError: not even the least fits.
        """
        with torch.device("meta"):
            table = make(least)
            if self.asked and self.size(table) > self.most:
                raise ConfigError(
                    f"a {type(table).__name__} of {table.n_rows} rows takes {self.size(table)} {self.counted} at "
                    f"least, the budget leaves it {int(self.most)}; raise it, or leave the table out with ignore=[...]"
                )
            low, high = least, max(least, most)
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (middle, high) if self.size(make(middle)) <= self.most else (low, middle - 1)
        return low


def table_budgets(options: TableOptions, tables: Mapping[str, EmbeddingTable]) -> dict[str, TableBudget]:
    """The budget of each table; bytes are shared in proportion to the dense tables' sizes."""
    if options.unit == "ppd" and options.budget is not None:
        return {path: TableBudget(options.budget * t.weight.shape[1], "parameters", True) for path, t in tables.items()}
    ratio = options.budget or RATIO
    if options.unit == "bytes" and options.budget is not None:
        ratio = sum(table.nbytes() for table in tables.values()) / options.budget
    return {path: TableBudget(t.nbytes() / ratio, "bytes", options.budget is not None) for path, t in tables.items()}

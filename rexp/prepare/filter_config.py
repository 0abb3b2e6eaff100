"""Options of the filters. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FilterConfig:
    """Filters applied to the interactions before they are split.

    Args:
        where: conditions in SQL that a row must meet, by the file's own names of its columns or by rexp's:
            ``Quantity > 0``, ``InvoiceNo NOT LIKE 'C%'``. A column of numbers alone is one of numbers.
        on_missing: of rows without an id, a rating or a time: ``error``, or ``drop`` leaves them out.
        duplicates: of a user's rows with the same item keep the ``first`` or ``last`` in time, or ``keep`` them all;
            ``sum`` and ``mean`` keep the first with the sum or the mean of their ratings, ``sum_first`` with the sum
            of those of its time alone; ``error`` refuses them.
        min_rating: keeps ratings of at least this.
        drop_ratings: ratings that are taken out, such as the middle one of five, which says neither yes nor no.
        user_core: keeps users with at least this many rows, 0 for all.
        item_core: keeps items with at least this many rows; both are applied again and again until nothing changes.
            Of given parts they are taken in the training part; the others lose the rows of those who left it.
    """

    where: tuple[str, ...] = ()
    on_missing: Literal["error", "drop"] = "error"
    duplicates: Literal["first", "last", "keep", "sum", "mean", "sum_first", "error"] = "first"
    min_rating: float | None = None
    drop_ratings: tuple[float, ...] = ()
    user_core: int = 0
    item_core: int = 0

    def __post_init__(self) -> None:
        if self.user_core < 0 or self.item_core < 0:
            raise ValueError("user_core and item_core cannot be negative; 0 keeps all")

    @property
    def cores(self) -> bool:
        """Whether users or items with few rows are left out."""
        return self.user_core > 1 or self.item_core > 1

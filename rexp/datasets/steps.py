"""Steps of reading and filtering, as the report of the data lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import polars as pl


class Step(TypedDict):
    """One step: what it did in words, the rows before and after it, and the users and items that these are of."""

    step: str
    rows_before: int
    rows_after: int
    users: int
    items: int


def describe_step(step: str, before: pl.DataFrame, after: pl.DataFrame) -> Step:
    """Report of one step."""
    return {
        "step": step,
        "rows_before": len(before),
        "rows_after": len(after),
        "users": after["user"].n_unique(),
        "items": after["item"].n_unique(),
    }

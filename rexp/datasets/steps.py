"""Steps of reading and filtering, as the report of the data lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Step = dict[str, Any]


def describe_step(step: str, before: pl.DataFrame, after: pl.DataFrame) -> Step:
    """Report of one step: ``{step, rows_before, rows_after, users, items}``."""
    return {
        "step": step,
        "rows_before": len(before),
        "rows_after": len(after),
        "users": after["user"].n_unique(),
        "items": after["item"].n_unique(),
    }

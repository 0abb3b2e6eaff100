"""What is said of a recommendation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """An item of the history, or a field.

    Args:
        name: the item's own id, or the field's name.
        value: what it adds to the score; below 0 where it speaks against the item.
        text: the item's title, or what the data has in the field; "" where nothing is known.
    """

    name: str
    value: float
    text: str = ""


@dataclass(frozen=True)
class Explanation:
    """Why a user gets an item.

    Args:
        user, item: their own ids.
        title: of the item, or "".
        score: of the item.
        by: ``history`` or ``fields``.
        method: how the values were found.
        base: the score that values of fields and exact ones of a history are added to; None where they need not add up.
        reasons: all of them, those of a history by value, those of fields by size, the largest first.
    """

    user: str
    item: str
    title: str
    score: float
    by: str
    method: str
    base: float | None
    reasons: tuple[Reason, ...]

    @property
    def gap(self) -> float | None:
        """By how much the values fail to add up to the score; None where they need not."""
        if self.base is None:
            return None
        return abs(self.score - self.base - sum(reason.value for reason in self.reasons))

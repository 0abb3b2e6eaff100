"""Outcome of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rexp.store.result import RunResult
    from rexp.store.store import Store


@dataclass(frozen=True)
class Outcome:
    """A finished run: its result as the store holds it, whether it was there already, and the store."""

    result: RunResult
    cached: bool
    store: Store

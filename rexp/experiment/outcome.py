"""What a job came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexp.store.store import Store

Result = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A finished run: its result as the store holds it, whether it was there already, and the store."""

    result: Result
    cached: bool
    store: Store

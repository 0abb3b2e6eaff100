"""A plugin without options."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NoOptions:
    """None."""

"""Options that several metrics share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class NoOptions:
    """This metric has no options."""


@dataclass
class Decision:
    """When a row counts as predicted positive.

    Args:
        threshold: from this probability on.
    """

    threshold: float = 0.5

"""Baselines that are fitted although nobody asked for them."""

from __future__ import annotations

SMALL = 10_000
"""Items of a catalogue up to which EASE is a matter of seconds (and of 1.2 GB)."""


def is_quick(name: str, n_items: int) -> bool:
    """Whether a model may be fitted beside a run that did not ask for it."""
    return name != "ease" or n_items <= SMALL

"""Number of clusters that a training set supports."""

from __future__ import annotations

import math

from rexp.errors import ConfigError

POINTS_A_CLUSTER = 39
"""Vectors that FAISS wants to have for each centroid of a k-means; below it warns."""


def lists_for(n_items: int, wanted: int | None, notes: list[str]) -> int:
    """Inverted lists for ``n_items`` vectors: as wanted, else about 4 sqrt(I) where they can be trained.

    Raises:
        ConfigError: more lists than items.
    """
    usual = max(1, round(4 * math.sqrt(n_items)))
    trainable = max(1, n_items // POINTS_A_CLUSTER)
    if wanted is None:
        if trainable < usual:
            notes.append(f"{n_items} items train {trainable} lists, fewer than the usual {usual}")
        return min(usual, trainable)
    if wanted > n_items:
        raise ConfigError(f"retriever.n_lists={wanted} is more than the {n_items} items; take at most {trainable}")
    note_few(n_items, wanted, "lists", notes)
    return wanted


def bits_for(n_items: int, wanted: int | None, notes: list[str]) -> int:
    """Bits of a code of a product quantizer: as wanted, else 8 or as many as can be trained.

    Raises:
        ConfigError: more codes than items.
    """
    if wanted is None:
        bits = min(8, max(1, (n_items // POINTS_A_CLUSTER).bit_length() - 1))
        if bits < 8:
            notes.append(f"{n_items} items train codes of {bits} bits, fewer than the usual 8")
        return bits
    check_codes(n_items, wanted, notes)
    return wanted


def check_codes(n_items: int, bits: int, notes: list[str]) -> None:
    """Refuse codes that so few items cannot train at all, and note those they train poorly.

    Raises:
        ConfigError: more codes than items.
    """
    if 2**bits > n_items:
        raise ConfigError(
            f"codes of {bits} bits need at least {2**bits} items to train on, and there are {n_items}; "
            "take fewer bits, or retriever=flat"
        )
    note_few(n_items, 2**bits, "codes", notes)


def note_few(n_items: int, clusters: int, what: str, notes: list[str]) -> None:
    """Note clusters that are asked for with fewer vectors each than FAISS wants."""
    if n_items < POINTS_A_CLUSTER * clusters:
        notes.append(f"{n_items} items are few to train {clusters} {what}; {POINTS_A_CLUSTER} for each are better")

"""What cannot fit is refused, with the option that would make it fit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.plugins.memory import machine_bytes

if TYPE_CHECKING:
    from rexp.estimate.records import Part


def check_memory(title: str, parts: Sequence[Part], available: int | None = None) -> None:
    """Refuse a run that would hold more at once than this machine has.

    Args:
        title: the run, for the message.
        parts: what it holds.
        available: bytes; None takes the machine's.

    Raises:
        ConfigError: naming the largest part and the option that makes it smaller.
    """
    memory = machine_bytes() if available is None else available
    _check(title, parts, memory, "this machine has", "make it smaller with {option}")


def check_disk(title: str, parts: Sequence[Part], store: Path, available: int | None = None) -> None:
    """Refuse a run that would write more than is free where the store is.

    Args:
        title, parts: as of :func:`check_memory`.
        store: its folder, which need not exist yet.
        available: bytes; None asks the disk.

    Raises:
        ConfigError: as of :func:`check_memory`.
    """
    free = disk_free(store) if available is None else available
    where = f"under {store} there are"
    _check(title, parts, free, where, "make it smaller with {option}, or take another disk with paths.store=FOLDER")


def disk_free(store: Path) -> int:
    """Bytes that are free on the disk of a folder, or of the nearest one above it that exists."""
    whole = store.absolute()
    return shutil.disk_usage(next(place for place in (whole, *whole.parents) if place.exists())).free


def _check(title: str, parts: Sequence[Part], available: int, where: str, way_out: str) -> None:
    needed = sum(part.bytes for part in parts)
    if needed <= available:
        return
    largest = max((part for part in parts if part.option), key=lambda part: part.bytes)
    raise ConfigError(
        f"{title} would take {needed / 1e9:,.1f} GB, {where} {available / 1e9:,.1f} GB; the most is {largest.what} "
        f"with {largest.bytes / 1e9:,.1f} GB: {way_out.format(option=largest.option)}"
    )

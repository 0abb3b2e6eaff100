"""Resident memory of this process, as Linux counts it; elsewhere nothing is known."""

from __future__ import annotations

import re
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Bytes that are resident now; 0 where the system does not say."""
    return _status("VmRSS")


def begin_peak() -> int:
    """Let the peak begin anew; bytes that are resident now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return resident_bytes()


def peak_bytes() -> int:
    """The most bytes that were resident at once since the peak began; 0 where the system does not say."""
    return _status("VmHWM")


def _status(key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE) if STATUS.exists() else None
    return 1024 * int(found[1]) if found else 0

"""Resident memory of this process, as its system counts it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """Bytes that are resident now; 0 where the system does not say (all but Linux)."""
    return _status("VmRSS")


def forget_peak() -> None:
    """Let the peak begin anew; only Linux can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_bytes() -> int:
    """The most bytes that were resident at once, since :func:`forget_peak` on Linux, else since the process began."""
    if found := _status("VmHWM"):
        return found
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, the others KiB


def _status(key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE) if STATUS.exists() else None
    return 1024 * int(found[1]) if found else 0

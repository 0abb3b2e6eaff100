"""Worker processes end with the command that started them; joblib's would idle for minutes, and hold their memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import cache

EVERY = 0.5
GRACE = 20.0
"""Seconds in which a fit may write its checkpoint."""


def exit_with_parent(parent: int) -> None:
    """Stop this process as SIGTERM does once its parent has gone; to be called before every job.

    Args:
        parent: the command; nothing is done in a process that it did not start itself, as in a cluster's.
    """
    if _is_watched(parent) and os.getppid() != parent:
        os._exit(143)  # between two jobs


@cache
def _is_watched(parent: int) -> bool:
    if os.getppid() != parent:
        return False
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    return True


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(143)

"""How far a long ranking is."""

from __future__ import annotations

import time

from rexp.io.text import say

EVERY = 20.0
"""Seconds between two lines, and before the first: short rankings say nothing."""


class RankingProgress:
    """Says the users done, the rate and the time left, every :data:`EVERY` seconds.

    Args:
        total: lists to rank.
    """

    def __init__(self, total: int) -> None:
        self.total, self.began = total, time.monotonic()
        self.said = self.began

    def ranked(self, done: int) -> None:
        """So many lists are done."""
        now = time.monotonic()
        if now - self.said < EVERY or done >= self.total:
            return
        self.said = now
        rate = done / (now - self.began)
        left = round((self.total - done) / rate)
        say(f"ranked {done:,} of {self.total:,} lists  {rate:,.0f} a second  {left // 60}:{left % 60:02} left")

"""Trackers that each break one rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.testing.wrong.no_options import NoOptions


class RightTracker:
    """Lines of a file."""

    Config = NoOptions

    def __init__(self, config: Any, run: Any) -> None:
        self.path = run.directory / "lines.txt"
        self.file = self.path.open("a")

    def log(self, values: Any, epoch: int) -> None:
        print(epoch, dict(values), file=self.file)

    def finish(self, summary: Any, status: str) -> None:
        self.file.close()


class WritesElsewhere(RightTracker):
    """tracker.whole-run"""

    def finish(self, summary: Any, status: str) -> None:
        super().finish(summary, status)
        Path("summary.txt").write_text(status)


class RefusesAResume(RightTracker):
    """tracker.resumed"""

    def __init__(self, config: Any, run: Any) -> None:
        self.path = run.directory / "lines.txt"
        self.file = self.path.open("x")


class NeedsAnEpoch(RightTracker):
    """tracker.without-epochs"""

    last: int

    def log(self, values: Any, epoch: int) -> None:
        super().log(values, epoch)
        self.last = epoch

    def finish(self, summary: Any, status: str) -> None:
        self.file.close()
        assert self.last

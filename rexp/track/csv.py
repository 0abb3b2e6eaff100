"""``track=csv``: the epochs' numbers as ``metrics.csv`` in the run's folder."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rexp.io.atomic import replace_atomically

if TYPE_CHECKING:
    from rexp.api import RunInfo
    from rexp.io.json_types import JsonView


@dataclass
class CSVConfig:
    """Args:
    file: name of the file in the run's folder.
    """

    file: str = "metrics.csv"


class CSVTracker:
    """One line an epoch and one header, whichever epoch first brought a column; each epoch once after a resume."""

    Config: ClassVar[type] = CSVConfig

    def __init__(self, config: CSVConfig, run: RunInfo) -> None:
        self._path = run.directory / config.file
        self._rows = self._read()
        self._whole = False

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        kept = [row for row in self._rows if int(row["epoch"]) < epoch]
        row = {"epoch": str(epoch), **{name: repr(value) for name, value in values.items()}}
        appendable = self._whole and len(kept) == len(self._rows) and set(row) <= set(self._columns())
        self._rows = [*kept, row]
        if appendable:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns()).writerow(row)
            return
        self._write()
        self._whole = True

    def finish(self, summary: JsonView, status: str) -> None:
        """No-op: final values are in ``result.json``."""

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def _write(self) -> None:
        def write(temporary: Any) -> None:
            with temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, self._columns())
                writer.writeheader()
                writer.writerows(self._rows)

        replace_atomically(self._path, write)

    def _read(self) -> list[dict[str, str]]:
        """What an earlier try of this run left; a line that a kill cut short is dropped."""
        if not self._path.exists():
            return []
        with self._path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = [row for row in csv.DictReader(file) if None not in row and None not in row.values()]
        return [{k: v for k, v in row.items() if v != ""} for row in rows if str(row.get("epoch")).isdigit()]

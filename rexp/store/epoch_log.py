"""``metrics.jsonl``: one line an epoch, each epoch once, however often a run was interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.io.atomic import write_text
from rexp.store.identity import plain

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView


def append_epoch(path: Path, values: JsonView, *, keep_all: bool) -> None:
    """Add a line.

    Args:
        path: the file; made where it is absent.
        values: ``epoch`` and the epoch's numbers; one that is not finite is written as null.
        keep_all: what is in the file is known to be whole and older; else later epochs and broken lines are
            dropped first.
    """
    if not keep_all and path.exists():
        earlier = [record for record in read_epochs(path) if record["epoch"] < values["epoch"]]
        write_text(path, "".join(_line(record) for record in earlier))
    with path.open("a", encoding="utf-8") as file:
        file.write(_line(values))


def read_epochs(path: Path) -> Iterator[Json]:
    """The file's records; a line that was cut short by a kill is left out."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("epoch"), int):
            yield record


def _line(record: JsonView) -> str:
    return json.dumps(plain(record, undefined_as_none=True), allow_nan=False) + "\n"

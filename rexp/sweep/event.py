"""What became of a job: one event, one line of its record in the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView

Event = Literal["started", "computing", "done", "failed", "interrupted"]
NEEDED: Mapping[str, type] = {"event": str, "at": str, "round": int, "host": str, "pid": int}
NEEDED_OF: Mapping[str, Mapping[str, type]] = {
    "started": {},
    "computing": {"run": str},
    "done": {"run": str, "cached": bool},
    "failed": {"error": str, "kind": str},
    "interrupted": {},
}


@dataclass(frozen=True)
class JobEvent:
    """One event of a job.

    Args:
        event: what happened.
        at: when, as ISO 8601 text with the offset from UTC.
        round: of the command that tells it.
        host, pid: of the process that tells it.
        run: id of the job's run, once it is known.
        cached: the run was in the store already.
        seconds: that the run took, where it was computed.
        error, kind: the first line of what went wrong, and the name of its class.
    """

    event: Event
    at: str
    round: int
    host: str
    pid: int
    run: str | None = None
    cached: bool | None = None
    seconds: float | None = None
    error: str | None = None
    kind: str | None = None

    def to_line(self) -> str:
        """The event as JSON, without what is not known."""
        return json.dumps({key: value for key, value in vars(self).items() if value is not None})


def parse(line: str) -> JobEvent | None:
    """The event in a line; None for a line that is cut short or damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not _is_whole(record):
        return None
    return JobEvent(**{item.name: record[item.name] for item in fields(JobEvent) if item.name in record})


def _is_whole(record: JsonView) -> bool:
    """Whether a record has what its event says."""
    event = str(record.get("event"))
    if event not in NEEDED_OF:
        return False
    if not all(isinstance(record.get(key), kind) for key, kind in {**NEEDED, **NEEDED_OF[event]}.items()):
        return False
    if event == "done" and not record["cached"] and not isinstance(record.get("seconds"), int | float):
        return False
    try:
        return datetime.fromisoformat(record["at"]).tzinfo is not None
    except ValueError:
        return False

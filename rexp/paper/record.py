"""What is kept of a paper's runs: one line of JSON for each, small enough to be committed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError
from rexp.io.atomic import write_text
from rexp.store.identity import canonical_json

if TYPE_CHECKING:
    from rexp.paper.paper import Paper, PaperRow
    from rexp.paper.tuning import Tuned

Record = dict[str, Any]
BACK = "take the file back from where it came"
COSTS = ("parameters", "weight_bytes", "fit_seconds", "evaluate_seconds", "wall_seconds", "cpu_seconds", "peak_bytes")


def record_of(
    row: PaperRow,
    result: Mapping[str, Any],
    manifest: Mapping[str, Any],
    runs: Mapping[str, str],
    overrides: Sequence[str],
    tuned: Tuned | None,
) -> Record:
    """What is kept of a finished run.

    Args:
        row: whose run it is.
        result, manifest: the run's.
        runs: ids of the runs that the row refers to, by the names of their rows.
        overrides: that made it.
        tuned: where they were searched.
    """
    record = {
        "row": row.name,
        "seed": result["seed"],
        "run": result["run_id"],
        "command": command_of(overrides),
        "refers": dict(runs),
        "metrics": dict(result["metrics"]),
        "cost": {key: result["cost"][key] for key in COSTS if key in result["cost"]},
        "selected": result["fit"].get("selected"),
        "teacher": result["config"].get("teacher"),
        "data": {key: result["data"][key] for key in ("name", "fingerprint")},
        "protocol": result["facts"].get("protocol_id"),
        "config": result["config"],
        "versions": {"python": manifest.get("python"), **manifest.get("versions", {})},
        "machine": {key: manifest.get("machine", {}).get(key) for key in ("cpu", "cores", "threads", "gpus")},
        "finished": result["finished"],
    }
    if row.group:
        steps = result["steps"]
        record["epochs"] = sum(int(step.get("epochs_run", 0)) for step in steps)
        record["reused"] = any("taken_from" in step for step in steps)
    if tuned:
        record["tuned"] = {"row": tuned.row, "values": list(tuned.values), "value": tuned.value}
    return record


def read_records(file: Path) -> list[Record]:
    """The records of a file; none where there is no file.

    Raises:
        ConfigError: naming the line that is no record.
    """
    if not file.exists():
        return []
    records = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ConfigError(
                f"{file} line {number} is no JSON ({error}); take the file back from where it came"
            ) from error
        if not isinstance(record, dict) or not {"row", "seed", "run", "metrics", "cost"} <= set(record):
            raise ConfigError(f"{file} line {number} is no record of a run; {BACK}")
        records.append(record)
    return records


def write_records(file: Path, paper: Paper, records: Iterable[Record]) -> None:
    """Write records in the order of the paper's rows and seeds; those that the paper does not ask for any more are left
    out."""
    known = {(record["row"], record["seed"]): record for record in records}
    asked = [(row.name, seed) for row in paper.rows for seed in paper.seeds_of(row)]
    kept = [known[key] for key in asked if key in known]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "".join(canonical_json(record) + "\n" for record in kept))


def merge_records(old: Sequence[Record], new: Sequence[Record]) -> list[Record]:
    """One record a row and seed; a new one takes the place of an old one."""
    return list({(record["row"], record["seed"]): record for record in (*old, *new)}.values())


def command_of(overrides: Sequence[str]) -> str:
    """The command that a record names."""
    return f"python -m rexp {' '.join(map(_quoted, overrides))}"


def _quoted(override: str) -> str:
    return f"'{override}'" if any(letter in override for letter in " {}[]<>*") else override

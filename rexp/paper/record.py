"""Records of a paper's runs: one line of JSON each, small enough to commit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError
from rexp.io.atomic import write_text
from rexp.store.identity import canonical_json

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView
    from rexp.paper.paper import Paper, PaperRow
    from rexp.paper.tuning import Tuned
    from rexp.store.result import RunResult

BACK = "take the file back from where it came"
COSTS = (
    *("parameters", "weight_bytes", "score_100_p50_ms"),
    *("fit_seconds", "evaluate_seconds", "wall_seconds", "cpu_seconds", "peak_bytes"),
)
MACHINE = ("cpu", "cores", "threads", "gpus")
IF_KNOWN = ("epochs", "reused", "tuned")
"""Fields that are written if they are not None."""


@dataclass(frozen=True)
class PaperRecord:
    """A finished run of a paper.

    Args:
        row: whose run it is.
        seed, run: the run's, and its id.
        command: that made it.
        refers: ids of the runs that the row refers to, by the names of their rows.
        metrics: of the test part.
        cost: those of :data:`COSTS` that the run has.
        selected: whose weights the model has, in words.
        teacher: of its configuration.
        data: ``name`` and ``fingerprint``.
        protocol: hash of the rules of the evaluation.
        config: the run's typed configuration.
        versions: of Python and of the distributions, by name.
        machine: those of :data:`MACHINE`.
        finished: when, as ISO 8601 text.
        epochs: of all its fits, for a row of a study.
        reused: for a row of a study, whether a step was taken from another run.
        tuned: ``row``, ``values`` and ``value`` of the search for its values.
    """

    row: str
    seed: int
    run: str
    command: str
    refers: Mapping[str, str]
    metrics: Mapping[str, float | None]
    cost: Mapping[str, float]
    selected: str | None
    teacher: Any
    data: Mapping[str, str]
    protocol: str | None
    config: JsonView
    versions: Mapping[str, str | None]
    machine: JsonView
    finished: str
    epochs: int | None = None
    reused: bool | None = None
    tuned: JsonView | None = None

    def to_json(self) -> Json:
        """The record as it is written."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {key: value for key, value in values.items() if value is not None or key not in IF_KNOWN}


def record_of(
    row: PaperRow,
    result: RunResult,
    manifest: JsonView,
    runs: Mapping[str, str],
    overrides: Sequence[str],
    tuned: Tuned | None,
) -> PaperRecord:
    """Record of a finished run.

    Args:
        row: whose run it is.
        result, manifest: the run's.
        runs: ids of the runs that the row refers to, by the names of their rows.
        overrides: that made it.
        tuned: where they were searched.
    """
    steps = result.steps if row.group else None
    return PaperRecord(
        row=row.name,
        seed=result.seed,
        run=result.run_id,
        command=command_of(overrides),
        refers=dict(runs),
        metrics=dict(result.metrics),
        cost={key: result.cost[key] for key in COSTS if key in result.cost},
        selected=result.fit.get("selected"),
        teacher=result.config.get("teacher"),
        data={"name": result.data["name"], "fingerprint": result.fingerprint},
        protocol=result.facts.get("protocol_id"),
        config=result.config,
        versions={"python": manifest.get("python"), **manifest.get("versions", {})},
        machine={key: manifest.get("machine", {}).get(key) for key in MACHINE},
        finished=result.finished,
        epochs=None if steps is None else sum(int(step.get("epochs_run", 0)) for step in steps),
        reused=None if steps is None else any("taken_from" in step for step in steps),
        tuned={"row": tuned.row, "values": list(tuned.values), "value": tuned.value} if tuned else None,
    )


def read_records(file: Path) -> list[PaperRecord]:
    """The records of a file; none where there is no file.

    Raises:
        ConfigError: naming the line that is no record.
    """
    if not file.exists():
        return []
    records = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(PaperRecord(**json.loads(line)))
        except ValueError as error:
            raise ConfigError(f"{file} line {number} is no JSON ({error}); {BACK}") from error
        except TypeError as error:
            raise ConfigError(f"{file} line {number} is no record of a run; {BACK}") from error
    return records


def write_records(file: Path, paper: Paper, records: Iterable[PaperRecord]) -> None:
    """Write records in the order of the paper's rows and seeds; those that the paper does not ask for any more are left
    out."""
    known = {(record.row, record.seed): record for record in records}
    asked = [(row.name, seed) for row in paper.rows for seed in paper.seeds_of(row)]
    kept = [known[key] for key in asked if key in known]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "".join(canonical_json(record.to_json()) + "\n" for record in kept))


def merge_records(old: Sequence[PaperRecord], new: Sequence[PaperRecord]) -> list[PaperRecord]:
    """One record a row and seed; new records replace old ones."""
    return list({(record.row, record.seed): record for record in (*old, *new)}.values())


def command_of(overrides: Sequence[str]) -> str:
    """The command that a record names."""
    return f"python -m rexp {' '.join(map(_quoted, overrides))}"


def _quoted(override: str) -> str:
    return f"'{override}'" if any(letter in override for letter in " {}[]<>*") else override

"""What is asked of the process that measures, and what it answers; each crosses the pipe as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MeasureTask:
    """A stored run that is to be measured.

    Args:
        folder: the working directory, absolute; relative paths of the run's data start there.
        store, cache: absolute paths of the store and of the folder of prepared splits.
        run: its whole id.
        data: absolute path of the data folder, or None.
        candidates: items of a request.
        repeats: requests of each size.
        onnx: absolute path of an exported model whose latency is taken in the place of the run's own; or None.
    """

    folder: str
    store: str
    run: str
    data: str | None
    cache: str
    candidates: Sequence[int]
    repeats: int
    onnx: str | None

    def to_line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> MeasureTask:
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Conditions:
    """How a latency was taken.

    Args:
        runtime: ``torch`` or ``onnxruntime``.
        threads: of its kernels.
        repeats: requests of each size.
        load: the machine's average load over the minute before; None if the system does not say.
        cores: of the machine.
    """

    runtime: str
    threads: int
    repeats: int
    load: float | None
    cores: int | None


@dataclass(frozen=True)
class Measurement:
    """Costs of a run by name, and how they were taken."""

    cost: Mapping[str, float]
    conditions: Conditions


@dataclass(frozen=True)
class Answer:
    """A measurement, or the reason why there is none."""

    measurement: Measurement | None
    error: str = ""

    def to_line(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Answer:
        found = json.loads(line)
        if (taken := found["measurement"]) is None:
            return cls(None, found["error"])
        return cls(Measurement(taken["cost"], Conditions(**taken["conditions"])))

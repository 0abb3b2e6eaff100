"""Measured costs in a run's stored result."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rexp.experiment.measurement import Measurement
    from rexp.store.result import RunResult
    from rexp.store.store import Store


def store_costs(store: Store, run: str, found: Measurement) -> RunResult:
    """Store what :func:`rexp.experiment.measure_client.measure_run` found, replacing any earlier latency.

    Returns:
        the whole result.
    """
    cost = {key: value for key, value in store.result(run).cost.items() if not key.startswith("score_")}
    return store.amend(run, cost={**cost, **found.cost}, measured=asdict(found.conditions))

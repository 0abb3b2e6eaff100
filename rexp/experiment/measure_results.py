"""What was measured of a run, in its stored result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexp.store.store import Store


def store_costs(store: Store, run: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Store what :func:`rexp.experiment.measure_client.measure_run` found, replacing any earlier latency.

    Returns:
        the whole result.
    """
    cost = {key: value for key, value in store.result(run)["cost"].items() if not key.startswith("score_")}
    return store.amend(run, cost={**cost, **found["cost"]}, measured=found["measured"])

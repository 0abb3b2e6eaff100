"""Comparison of two-stage retrieval and ranking with either model alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.report.rows import label, newest, value
from rexp.store.identity import canonical_json

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView
    from rexp.store.result import RunResult

RULES = ("history", "mask", "catalogue", "targets", "users", "users_seed", "ties", "context", "lists", "options")
"""Facts of an evaluation that two runs share whose numbers can be compared."""


@dataclass(frozen=True)
class System:
    """A retriever and a ranking model, or one of them alone; NaN stands for what is not known, or not there.

    Args:
        retriever: model and index; "" where nothing retrieves.
        ranker: model; "" where the retriever's order stays.
        accuracy, recall: of the final list. A retriever alone has those of its model's exact ranking.
        ceiling: the best recall that the candidates allow.
        ranked: items that the ranking model scores for a user; 0 without one.
        retrieve, rank, both: p50 of one user's answer, ms.
    """

    retriever: str
    ranker: str
    accuracy: float
    recall: float
    ceiling: float
    ranked: int
    retrieve: float
    rank: float
    both: float


def systems(results: Sequence[RunResult], metric: str) -> list[System]:
    """Every run of two stages, and before it its stages alone, where their models were ranked in full on the same data
    by the same rules.

    Args:
        results: finished runs.
        metric: accuracy, as the full ranking calls it: ``ndcg@10``.
    """
    known = {result.run_id: result for result in results}
    kept = newest(results)
    full = [result for result in kept if result.facts.get("protocol") == "full"]
    found: dict[System, None] = {}
    for result in kept:
        retriever = result.config.get("retriever")
        if retriever and result.facts.get("protocol") == "two_stage":
            first, ranker = (
                result if (name := retriever.get(key)) is None else known.get(str(name)) for key in ("from", "ranker")
            )
            alike = [other for other in full if _rules(other) == _rules(result)]
            found |= dict.fromkeys(_of(result, retriever, first, ranker, alike, metric))
    return list(found)


def name_of(result: RunResult) -> str:
    """Model and recipe: ``mf svd_of_teacher``."""
    recipe = label(result, "compress")
    return label(result, "model") + (f" {recipe}" if recipe not in ("none", "-") else "")


def _of(
    result: RunResult,
    retriever: JsonView,
    first: RunResult | None,
    ranker: RunResult | None,
    full: Sequence[RunResult],
    metric: str,
) -> Iterator[System]:
    features = retriever.get("from") == "item_features"
    by = f"{'item features' if features else _name(first, retriever, 'from')} · {retriever['name']}"
    ranks = _name(ranker, retriever, "ranker")
    recall, none = f"recall@{metric.partition('@')[2]}", math.nan
    spent = {stage: _value(result, f"{stage}_p50_ms") for stage in ("retrieve", "rank", "both", "alone")}
    if first and not features and (alone := _same_model(first, full)):
        accuracy = _value(alone, metric), _value(alone, recall)
        yield System(by, "", *accuracy, none, 0, spent["retrieve"], none, spent["retrieve"])
    if ranker and (alone := _same_model(ranker, full)):
        accuracy = _value(alone, metric), _value(alone, recall)
        n_items = int(alone.facts.get("catalogue_size") or alone.data["items"])
        yield System("", ranks, *accuracy, none, n_items, none, spent["alone"], spent["alone"])
    accuracy = _value(result, f"{metric}|two_stage"), _value(result, f"{recall}|two_stage")
    ceiling = _value(result, f"{recall.replace('recall', 'recall_ceiling')}|two_stage")
    n = int(retriever["n_candidates"])
    yield System(by, ranks, *accuracy, ceiling, n, spent["retrieve"], spent["rank"], spent["both"])


def _name(result: RunResult | None, retriever: JsonView, key: str) -> str:
    """What a stage is called: by its run's id, where that run is not at hand."""
    return name_of(result) if result else f"run {retriever[key]}"


def _rules(result: RunResult) -> list[object]:
    """The rules by which lists are made and measured."""
    return [result.facts.get(name) for name in RULES]


def _same_model(result: RunResult, full: Sequence[RunResult]) -> RunResult | None:
    """The run that ranked the whole catalogue with the same model, trained alike."""
    return next((other for other in full if _trained(other) == _trained(result)), None)


def _trained(result: RunResult) -> tuple[str, str]:
    """The data, and the configuration without what measures."""
    config = {key: node for key, node in result.config.items() if key not in ("evaluate", "retriever")}
    return result.fingerprint, canonical_json(config)


def _value(result: RunResult, column: str) -> float:
    found = value(result, column)
    return math.nan if found is None else found

"""Metrics computed on the validation split after each epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.evaluate.adjustment import without_adjustment
from rexp.evaluate.protocol import resolve, suffix

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.evaluate.config import EvaluateConfig


def validation_config(config: EvaluateConfig, split: Split) -> EvaluateConfig:
    """The rules for validation: the run's own, without what is fitted on the validation part. A model that will rank
    candidates of an index is watched by itself, and one that will rank cold items by the items that training knows,
    where validation has no others."""
    watched = without_adjustment(config)
    if config.protocol == "two_stage":
        watched = replace(watched, protocol="full")
    if "cold" in (config.catalogue, config.targets) and not split.in_catalogue("cold")[split.valid.items].any():
        watched = replace(watched, catalogue="train", targets="all")
    return watched


def validation_metrics(config: EvaluateConfig, split: Split) -> list[str]:
    """Names of the metrics that validation gives, the first first.

    Raises:
        ConfigError: the protocol needs what the data does not have.
    """
    rules = validation_config(config, split)
    protocol = resolve(rules, split)
    if protocol == "pointwise":
        return list(rules.row_metrics)
    return [f"{name}@{k}{suffix(protocol, rules)}" for k in rules.k for name in rules.metrics]

"""Metrics computed on the validation split after each epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.evaluate.config import DecisionConfig
from rexp.evaluate.protocol import resolve, suffix

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.evaluate.config import EvaluateConfig


def validation_config(config: EvaluateConfig) -> EvaluateConfig:
    """The rules for validation: the run's own; a model that will rank candidates of an index is watched by itself, and
    what is fitted on the validation part is left out."""
    watched = without_adjustment(config)
    return replace(watched, protocol="full") if config.protocol == "two_stage" else watched


def without_adjustment(config: EvaluateConfig) -> EvaluateConfig:
    """The rules without what is fitted on the validation part, so that this part can be measured by them."""
    return replace(config, calibrate="none", decision=DecisionConfig())


def validation_metrics(config: EvaluateConfig, split: Split) -> list[str]:
    """Names of the metrics that validation gives, the first first.

    Raises:
        ConfigError: the protocol needs what the data does not have.
    """
    rules = validation_config(config)
    protocol = resolve(rules, split)
    if protocol == "pointwise":
        return list(rules.row_metrics)
    return [f"{name}@{k}{suffix(protocol, rules)}" for k in rules.k for name in rules.metrics]

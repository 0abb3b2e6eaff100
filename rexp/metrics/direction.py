"""Direction of metrics: whether higher is better."""

from __future__ import annotations

from rexp.errors import ConfigError
from rexp.plugins import registry
from rexp.plugins.code_version import OWN

# The built-in metrics say so themselves too, but asking them imports torch; a test keeps the two in step.
LOWER_IS_BETTER = frozenset(
    {"ece", "gini", "ips", "ips_logloss", "logloss", "mae", "mse", "rmse", "snips", "snips_logloss"}
)


def higher_is_better(column: str) -> bool | None:
    """The direction of a metric's column (``ndcg@10``, ``hr@10|given``); None where the metric is not installed.

    A third party's metric is loaded and asked.
    """
    name = metric_name(column)
    if name in LOWER_IS_BETTER:
        return False
    try:
        if registry.find("metric", name).distribution == OWN:
            return True
        return bool(registry.load("metric", name).higher_is_better)
    except ConfigError:
        return None


def metric_name(column: str) -> str:
    """The metric of a column.

    >>> metric_name("ndcg@10|sampled-uniform-100-s0")
    'ndcg'
    """
    return column.partition("|")[0].partition("@")[0]

"""Metrics by name, built for one split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError
from rexp.plugins import registry
from rexp.plugins.choice import Choice

if TYPE_CHECKING:
    from rexp.api import AggregateMetric, MetricContext, PointwiseMetric, UserMetric
    from rexp.plugins.options import NodeView


def list_metrics(
    names: Sequence[str], options: NodeView, context: MetricContext
) -> dict[str, UserMetric | AggregateMetric]:
    """The named metrics of ranked lists, in their order.

    Args:
        names: short names of installed metrics, ``evaluate.metrics``.
        options: each metric's options by its name.
        context: what they may know of the split.

    Raises:
        ConfigError: an unknown name, wrong options, or a metric of labeled rows.
    """
    for name in names:
        if _of_rows(name):
            raise ConfigError(
                f"evaluate.metrics has '{name}', a metric of labeled rows: it belongs in evaluate.row_metrics"
            )
    return {name: _build(name, options, context) for name in names}


def row_metrics(names: Sequence[str], options: NodeView, context: MetricContext) -> dict[str, PointwiseMetric]:
    """The named metrics of labeled rows, ``evaluate.row_metrics``, in their order; else as :func:`list_metrics`."""
    for name in names:
        if not _of_rows(name):
            raise ConfigError(
                f"evaluate.row_metrics has '{name}', a metric of ranked lists: it belongs in evaluate.metrics"
            )
    return {name: _build(name, options, context) for name in names}


def _of_rows(name: str) -> bool:
    metric: Any = registry.load("metric", name)
    return bool(metric.kind == "rows")


def _build(name: str, options: NodeView, context: MetricContext) -> Any:
    return Choice.typed("metric", name, options.get(name, {}), f"evaluate.options.{name}").make(context)

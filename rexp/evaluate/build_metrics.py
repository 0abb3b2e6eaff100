"""Metrics by name, built for one split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rexp.api.metric import OF_ROWS
from rexp.errors import ConfigError
from rexp.plugins import registry
from rexp.plugins.options import from_options

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
        if registry.load("metric", name) is row_metric(name):
            raise ConfigError(
                f"evaluate.metrics has '{name}', a metric of labeled rows: it belongs in evaluate.row_metrics"
            )
    return {name: _build(registry.load("metric", name), name, options, context) for name in names}


def row_metrics(names: Sequence[str], options: NodeView, context: MetricContext) -> dict[str, PointwiseMetric]:
    """The named metrics of labeled rows, ``evaluate.row_metrics``, in their order; else as :func:`list_metrics`."""
    return {name: _build(_known_row_metric(name), name, options, context) for name in names}


def row_metric(name: str) -> type[Any] | None:
    """The class that measures labeled rows under this name; None where it names a metric of lists alone.

    Raises:
        ConfigError: an unknown name.
    """
    metric: Any = registry.load("metric", name)
    return metric if metric.kind == "rows" else OF_ROWS.of(metric)


def _known_row_metric(name: str) -> type[Any]:
    if (metric := row_metric(name)) is None:
        raise ConfigError(
            f"evaluate.row_metrics has '{name}', a metric of ranked lists: it belongs in evaluate.metrics"
        )
    return metric


def _build(metric: Any, name: str, options: NodeView, context: MetricContext) -> Any:
    return metric(from_options(metric.Config, options.get(name, {}), f"evaluate.options.{name}"), context)

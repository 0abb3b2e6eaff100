"""What metrics of labeled rows share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.metrics.options import NoOptions

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import MetricContext, ScoredRows


class RowMetric:
    """A metric of labeled rows without options; of 0/1 labels unless it says otherwise."""

    Config: ClassVar[type] = NoOptions
    kind: ClassVar[Literal["rows"]] = "rows"
    labels: ClassVar[Literal["binary", "rating"]] = "binary"
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: NoOptions, context: MetricContext) -> None:
        pass


def probabilities(rows: ScoredRows) -> Tensor:
    """(N,) float64: sigmoid of the scores."""
    return rows.scores.double().sigmoid()


def is_positive(rows: ScoredRows) -> Tensor:
    """(N,) bool."""
    return rows.labels > 0

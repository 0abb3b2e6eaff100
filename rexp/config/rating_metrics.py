"""Rating metrics such as RMSE, and whether a model's scores are ratings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rexp.api import Capability
from rexp.api.metric import LABELS
from rexp.api.training import PREDICTS_RATINGS, TARGET
from rexp.errors import ConfigError
from rexp.evaluate.build_metrics import row_metric
from rexp.evaluate.protocol import resolve

if TYPE_CHECKING:
    from rexp.config.fit import Fit
    from rexp.config.job import Request
    from rexp.data.split import Split
    from rexp.plugins.choice import Choice


def rating_metrics(names: Iterable[str]) -> list[str]:
    """The rating metrics among the given names."""
    return [name for name in names if LABELS.of(row_metric(name)) == "rating"]


def check_rating_metrics(request: Request, split: Split, capabilities: frozenset[Capability], fit: Fit | None) -> None:
    """Refuse a metric of ratings over a model whose scores are none.

    Raises:
        ConfigError: naming the metric, the model and the ways out.
    """
    if resolve(request.evaluate, split) != "pointwise":
        return
    asked = rating_metrics(request.evaluate.row_metrics)
    if not asked or Capability.PREDICTS_RATINGS in capabilities or (fit is not None and _predicts(fit.loss)):
        return
    by = f" (loss={fit.loss.name})" if fit is not None and fit.loss is not None else ""
    raise ConfigError(
        f"evaluate.row_metrics has {', '.join(asked)}, which compares scores with ratings, but the scores of "
        f"model={request.model['name']}{by} are not trained to be ratings; take loss=mse loss.target=rating, or "
        "model=bias, or model=itemknn model.predict=ratings, or leave it out"
    )


def _predicts(loss: Choice | None) -> bool:
    if loss is None:
        return False
    return PREDICTS_RATINGS.of(loss.plugin) and TARGET.of(loss.config) == "rating"

"""Calibration: from scores to probabilities, fitted on rows that are not measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.io.json_types import Json

SMALLEST = 1e-7
"""Of a probability, and of one minus it, so that its logit is finite."""


class Calibration(Protocol):
    """A non-decreasing map of scores, unless the scores fitted stand against the labels (``platt``)."""

    def logits(self, scores: Tensor) -> Tensor:
        """(N,) float64: sigmoid of it is the calibrated probability of scores (N,)."""
        ...

    def facts(self) -> Json:
        """What was fitted."""
        ...


@dataclass(frozen=True)
class Platt:
    """``q = sigmoid(slope · s + intercept)``."""

    slope: float
    intercept: float

    def logits(self, scores: Tensor) -> Tensor:
        return self.slope * scores.double() + self.intercept

    def facts(self) -> Json:
        return {"slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Isotonic:
    """A non-decreasing function through knots: lines between them, constant outside."""

    scores: np.ndarray[Any, np.dtype[np.float64]]
    probabilities: np.ndarray[Any, np.dtype[np.float64]]

    def logits(self, scores: Tensor) -> Tensor:
        q = np.interp(scores.double().cpu().numpy(), self.scores, self.probabilities)
        return torch.from_numpy(q).to(scores.device).clamp(SMALLEST, 1 - SMALLEST).logit()

    def facts(self) -> Json:
        return {"knots": len(self.scores)}


def fit_platt(scores: Tensor, positive: Tensor) -> Platt:
    """Platt scaling (Platt 1999, section 2.2), by scikit-learn's logistic regression without a penalty.

    With p positives and n negatives the targets are (p + 1) / (p + 2) and 1 / (n + 2), which keep the slope finite
    where a score tells all labels apart.

    Args:
        scores: (N,) floating point.
        positive: (N,) bool, of both kinds.
    """
    from sklearn.linear_model import LogisticRegression

    x, y = scores.double().cpu().numpy(), positive.cpu().numpy()
    middle, spread = float(x.mean()), float(x.std()) or 1.0
    target = np.where(y, (y.sum() + 1) / (y.sum() + 2), 1 / ((~y).sum() + 2))
    # A row of target t is t of a positive and 1 - t of a negative one.
    rows, labels = np.tile((x - middle) / spread, 2)[:, None], np.repeat([1, 0], len(x))
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(rows, labels, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0]) / spread
    return Platt(slope, float(model.intercept_[0]) - slope * middle)


def fit_isotonic(scores: Tensor, positive: Tensor) -> Isotonic:
    """Isotonic regression (Zadrozny and Elkan, KDD 2002), by scikit-learn; arguments as :func:`fit_platt`."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    model.fit(scores.double().cpu().numpy(), positive.double().cpu().numpy())
    return Isotonic(model.X_thresholds_, model.y_thresholds_)


FITTED_BY: Mapping[str, Callable[[Tensor, Tensor], Calibration]] = {"platt": fit_platt, "isotonic": fit_isotonic}

"""Logistic regression over ids, features and context."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from rexp.errors import DataError
from rexp.models._linear_fields import LinearFields, LinearOptions

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from rexp.api import DataSpec
    from rexp.data.types import Array


@dataclass(frozen=True)
class LogisticConfig(LinearOptions):
    """Options of :class:`Logistic`.

    Args:
        threshold: where ``target`` is ``rating``: a label is 1 from it on.
        max_iter: steps of L-BFGS at most.
        tol: it ends once no coordinate of the gradient is larger.
    """

    threshold: float | None = None
    max_iter: int = 200
    tol: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.target == "rating") != (self.threshold is not None):
            raise ValueError(f"threshold={self.threshold} and target={self.target}: target=rating alone has one")
        if self.max_iter < 1 or self.tol <= 0:
            raise ValueError(f"max_iter={self.max_iter} must be 1 or more, tol={self.tol} above 0")


class Logistic(LinearFields):
    """The log-odds of a label as a linear function (as for clicks: Richardson, Dominowska and Ragno: Predicting clicks,
    WWW 2007), ``sum of log(1 + exp(-y (b + w · x))) + l2/2 |w|^2`` over one-hot rows with y of 1 and -1, by
    scikit-learn's L-BFGS."""

    Config: ClassVar[type] = LogisticConfig

    def __init__(self, config: LogisticConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, config.threshold)
        self.config = config

    def solve(self, matrix: csr_array, labels: Array) -> tuple[Array, float]:
        """Those of scikit-learn.

        Raises:
            DataError: all rows have one label.
        """
        if len(np.unique(labels)) < 2:
            raise DataError(f"all {len(labels)} training rows have the label {labels[0]:g}: nothing tells rows apart")
        config = self.config
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter bounds what it costs
            fitted = LogisticRegression(C=1 / config.l2, max_iter=config.max_iter, tol=config.tol).fit(matrix, labels)
        return fitted.coef_[0], float(fitted.intercept_[0])

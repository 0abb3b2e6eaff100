"""Ridge regression over ids, features and context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sklearn.linear_model import Ridge

from rexp.api import Capability
from rexp.models._linear_fields import LinearFields, LinearOptions

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from rexp.api import DataSpec
    from rexp.data.types import Array


@dataclass(frozen=True)
class LinearConfig(LinearOptions):
    """Options of :class:`Linear`.

    Args:
        tol: precision of the solution, scikit-learn's.
    """

    tol: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tol <= 0:
            raise ValueError(f"tol={self.tol} must be above 0")


class Linear(LinearFields):
    """Least squares with an L2 penalty (Hoerl and Kennard: Ridge regression, Technometrics 1970), ``1/2 sum of (b + w ·
    x - y)^2 + l2/2 |w|^2`` over one-hot rows, by scikit-learn's conjugate gradients."""

    Config: ClassVar[type] = LinearConfig

    def __init__(self, config: LinearConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.config = config

    def capabilities(self) -> frozenset[Capability]:
        """Predicts ratings where it learned from them."""
        rated = self.config.target == "rating"
        return super().capabilities() | ({Capability.PREDICTS_RATINGS} if rated else frozenset())

    def solve(self, matrix: csr_array, labels: Array) -> tuple[Array, float]:
        """Ridge's."""
        ridge = Ridge(alpha=self.config.l2, solver="sparse_cg", tol=self.config.tol).fit(matrix, labels)
        return ridge.coef_, float(ridge.intercept_)

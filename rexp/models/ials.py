"""iALS: matrix factorization of implicit feedback by alternating least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from rexp.models._factor_model import Factors
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class IALSConfig:
    """Options of :class:`IALS`.

    Args:
        factors: size of the vectors.
        iterations: sweeps over users and items.
        regularization: strength of L2.
        alpha: weight of an interaction beside what is not observed.
        scaling: the confidence of an interaction is ``1 + alpha`` (``linear``) or
            ``1 + alpha log(1 + 1 / epsilon)`` (``log``, eq. 6 of the paper).
        epsilon: of the logarithm.
        solver: ``exact`` (Cholesky), or ``cg``, three steps of conjugate gradients, which is faster for many factors.
    """

    factors: int = 64
    iterations: int = 15
    regularization: float = 0.01
    alpha: float = 10.0
    scaling: Literal["linear", "log"] = "linear"
    epsilon: float = 1.0
    solver: Literal["exact", "cg"] = "exact"

    def __post_init__(self) -> None:
        if self.factors < 1 or self.iterations < 1:
            raise ValueError(f"factors={self.factors} and iterations={self.iterations} must be 1 or more")
        if self.regularization < 0 or self.alpha < 0 or self.epsilon <= 0:
            raise ValueError(
                f"regularization={self.regularization} and alpha={self.alpha} must not be negative, "
                f"epsilon={self.epsilon} must be above 0"
            )

    @property
    def confidence(self) -> float:
        """Of an observed interaction; of what is not observed it is 1."""
        return 1 + self.alpha * (math.log1p(1 / self.epsilon) if self.scaling == "log" else 1.0)


class IALS(Factors):
    """Minimizes ``sum c_ui (p_ui - x_u . y_i)^2 + reg (|X|^2 + |Y|^2)`` (Hu, Koren, Volinsky, ICDM 2008).

    p is 1 where the user took the item, else 0, and all pairs count. Solved by the library ``implicit``; item vectors
    start uniform on [0, 1 / sqrt(factors)), users are solved first.
    """

    Config: ClassVar[type] = IALSConfig

    def __init__(self, config: IALSConfig, spec: DataSpec) -> None:
        super().__init__(spec, config.factors)
        self.config = config

    def fit(self, split: Split, generator: Generator) -> None:
        """Solve; the generator draws the items' first vectors."""
        config = self.config
        # implicit counts an interaction's value as its confidence; it takes scipy's older class of matrices alone.
        matrix = csr_matrix(interaction_matrix(split) * np.float32(config.confidence))
        threads = torch.get_num_threads()
        start = torch.rand(split.n_items, config.factors, generator=generator) / config.factors**0.5
        # implicit has threads of its own, and warns where those of BLAS would fight with them.
        with threadpool_limits(1, "blas"):
            solver = AlternatingLeastSquares(
                factors=config.factors,
                regularization=config.regularization,
                alpha=1.0,
                iterations=config.iterations,
                use_cg=config.solver == "cg",
                num_threads=threads,
                random_state=0,
            )
            solver.item_factors = start.numpy()
            solver.user_factors = np.zeros((split.n_users, config.factors), np.float32)
            solver.fit(matrix, show_progress=False)
        self.take(solver.user_factors, solver.item_factors)

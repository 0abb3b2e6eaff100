"""NMF: a factorization of the interaction matrix in which nothing is negative."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from sklearn.decomposition import NMF as Solver  # noqa: N811
from sklearn.exceptions import ConvergenceWarning

from rexp.models._factor_model import Factors
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class NMFConfig:
    """Options of :class:`NMF`, as scikit-learn means them.

    Args:
        factors: size of the vectors.
        solver: ``cd`` (coordinate descent, Frobenius loss alone) or ``mu`` (multiplicative updates).
        loss: ``frobenius`` or ``kullback-leibler``.
        init: ``random``, or ``nndsvda`` (from the singular value decomposition).
        alpha: strength of the penalty on both sides; ``l1_ratio`` is the share of L1 in it.
        max_iterations: of the solver at most.
    """

    factors: int = 50
    solver: Literal["cd", "mu"] = "cd"
    loss: Literal["frobenius", "kullback-leibler"] = "frobenius"
    init: Literal["random", "nndsvda"] = "nndsvda"
    alpha: float = 0.0
    l1_ratio: float = 0.0
    max_iterations: int = 200

    def __post_init__(self) -> None:
        if self.factors < 1 or self.max_iterations < 1:
            raise ValueError(f"factors={self.factors} and max_iterations={self.max_iterations} must be 1 or more")
        if self.solver == "cd" and self.loss != "frobenius":
            raise ValueError("solver=cd minimizes the Frobenius loss alone; take solver=mu")
        if self.alpha < 0 or not 0 <= self.l1_ratio <= 1:
            raise ValueError(f"alpha={self.alpha} must not be negative, l1_ratio={self.l1_ratio} lies in [0, 1]")


class NMF(Factors):
    """``R ~ W H`` with W, H >= 0 (Lee and Seung 1999; Cichocki and Phan 2009), by scikit-learn.

    Both are solved together, then the users' W once more with the items' H fixed, as Ferrari Dacrema et al. do.
    """

    Config: ClassVar[type] = NMFConfig

    def __init__(self, config: NMFConfig, spec: DataSpec) -> None:
        super().__init__(spec, config.factors)
        self.config = config

    def fit(self, split: Split, generator: Generator) -> None:
        """Factorize; the generator seeds the initial values."""
        config, matrix = self.config, interaction_matrix(split)
        factors = min(config.factors, *matrix.shape) if config.init == "nndsvda" else config.factors
        solver = Solver(
            factors,
            init=config.init,
            solver=config.solver,
            beta_loss=config.loss,
            alpha_W=config.alpha,
            l1_ratio=config.l1_ratio,
            max_iter=config.max_iterations,
            random_state=int(torch.randint(2**31, (1,), generator=generator)),
        )
        with warnings.catch_warnings():
            # Where the bound on the iterations ends the solver, that is what was asked for.
            warnings.simplefilter("ignore", ConvergenceWarning)
            users = solver.fit(matrix).transform(matrix)
        self.take(users, solver.components_.T)

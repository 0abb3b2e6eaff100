"""PureSVD: the truncated singular value decomposition of the interaction matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from sklearn.utils.extmath import randomized_svd

from rexp.models._factor_model import Factors
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class PureSVDConfig:
    """Options of :class:`PureSVD`.

    Args:
        factors: singular vectors that are kept; no more than the smaller side of the matrix has.
        iterations: power iterations of the randomized solver; more are more exact.
    """

    factors: int = 50
    iterations: int = 7

    def __post_init__(self) -> None:
        if self.factors < 1 or self.iterations < 0:
            raise ValueError(f"factors={self.factors} must be 1 or more, iterations={self.iterations} not negative")


class PureSVD(Factors):
    """``R V V^T``, with V the first right singular vectors of the 0/1 matrix R (Cremonesi et al., RecSys 2010).

    Solved by scikit-learn's ``randomized_svd`` (Halko et al. 2009).
    """

    Config: ClassVar[type] = PureSVDConfig

    def __init__(self, config: PureSVDConfig, spec: DataSpec) -> None:
        super().__init__(spec, config.factors)
        self.config = config

    def fit(self, split: Split, generator: Generator) -> None:
        """Decompose; the generator seeds the solver's random projection."""
        matrix = interaction_matrix(split)
        factors = min(self.config.factors, *matrix.shape)
        seed = int(torch.randint(2**31, (1,), generator=generator))
        _, _, right = randomized_svd(matrix, factors, n_iter=self.config.iterations, random_state=seed)
        self.take(matrix @ right.T, right.T)

"""LightGBM's trees as a part of a model's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.errors import ConfigError
from rexp.nn.resizable import Resizable
from rexp.nn.stamp import Stamp

if TYPE_CHECKING:
    from torch import Generator

    from rexp.data.types import Array


@dataclass(frozen=True)
class Growth:
    """How trees are grown, in LightGBM's terms.

    Args:
        objective: ``binary``, ``regression`` or ``lambdarank``.
        trees, leaves: how many, and of each.
        lr: shrinks every tree.
        min_leaf: rows of a leaf at least.
        l2: penalty on the leaves' values.
        bagging, columns: shares of the rows, and of the columns, that a tree sees.
    """

    objective: str
    trees: int
    leaves: int
    lr: float
    min_leaf: int
    l2: float = 0.0
    bagging: float = 1.0
    columns: float = 1.0


class Trees(Resizable):
    """Gradient boosted trees, none until :meth:`grow`; stored as LightGBM writes them, as text, which executes nothing
    when it is read. One thread grows them, so that a fit is repeatable.
    """

    content: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("content", torch.zeros(0, dtype=torch.uint8))
        self._booster: tuple[Stamp, Any] | None = None

    def grow(
        self,
        rows: Array,
        labels: Array,
        growth: Growth,
        generator: Generator,
        groups: Array | None = None,
        categories: Sequence[int] = (),
    ) -> None:
        """Learn labels.

        Args:
            rows: (N, F) values.
            labels: (N,).
            growth: the options.
            generator: draws what each tree sees.
            groups: rows of each list, one after another, for ``lambdarank``.
            categories: columns that are codes.

        Raises:
            ConfigError: LightGBM is not installed.
        """
        lightgbm = _lightgbm()
        data = lightgbm.Dataset(rows, labels, group=groups, categorical_feature=list(categories))
        parameters = {
            "objective": growth.objective,
            "num_leaves": growth.leaves,
            "learning_rate": growth.lr,
            "min_data_in_leaf": growth.min_leaf,
            "lambda_l2": growth.l2,
            "bagging_fraction": growth.bagging,
            "bagging_freq": int(growth.bagging < 1),
            "feature_fraction": growth.columns,
            "seed": int(torch.randint(2**31 - 1, (1,), generator=generator)),
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        text = lightgbm.train(parameters, data, num_boost_round=growth.trees).model_to_string()
        self.content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).to(self.content.device)

    def scores(self, rows: Array) -> Array:
        """(N,) float32: log-odds, values, or what orders a list, of rows (N, F)."""
        return np.asarray(self._read().predict(rows, raw_score=True, num_threads=1), np.float32)

    def contributions(self, rows: Array) -> Array:
        """(N, F + 1) float64: what each column adds to the scores of rows (N, F), and the expected score: SHAP values
        (Lundberg et al., Nature Machine Intelligence 2020), as LightGBM computes them."""
        return np.asarray(self._read().predict(rows, pred_contrib=True, num_threads=1))

    def n_codes(self) -> int:
        """Numbers that the trees are made of: a value a leaf, and a threshold a split."""
        lines = self.text().splitlines()
        leaves = [int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves=")]
        return sum(2 * n - 1 for n in leaves)

    def text(self) -> str:
        """As LightGBM writes them."""
        return self.content.cpu().numpy().tobytes().decode()

    def _read(self) -> Any:
        """The trees as LightGBM has them; read again where what is stored has changed."""
        if self._booster is None or not self._booster[0].fits([self.content]):
            self._booster = Stamp([self.content]), _lightgbm().Booster(model_str=self.text())
        return self._booster[1]

    def __deepcopy__(self, memo: dict[int, Any]) -> Trees:
        """A copy that reads its own trees."""
        other = Trees()
        other.content = self.content.clone()
        return other.train(self.training)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise ConfigError("trees are grown by LightGBM: pip install 'rexp-recsys[trees]'") from error
    return lightgbm

"""SLIM: sparse linear methods."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path
from torch import Generator

from rexp.models._gram import check_size, gram
from rexp.models._item_item import ItemItem
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rexp.api import DataSpec
    from rexp.data.split import Split

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SLIMConfig:
    """Options of :class:`SLIM`; ``alpha``, ``l1_ratio``, ``max_iter`` and ``tol`` are those of scikit-learn's
    ``ElasticNet``.

    Args:
        alpha: strength of the penalty, for a loss that is a mean over users.
        l1_ratio: share of the penalty that is L1, which makes weights 0; the rest is L2.
        positive: no weight is negative.
        top_k: neighbors of an item that are kept.
        max_iter: passes over all weights of an item at most.
        tol: an item is done once its duality gap is below this share of its interactions.
        max_bytes: refuse a catalogue whose Gram matrix would take more memory: 8 bytes for every pair of items.
    """

    alpha: float = 0.1
    l1_ratio: float = 0.01
    positive: bool = True
    top_k: int = 100
    max_iter: int = 100
    tol: float = 1e-4
    max_bytes: int = 8 * 2**30

    def __post_init__(self) -> None:
        if not 0 <= self.l1_ratio <= 1:
            raise ValueError(f"l1_ratio={self.l1_ratio} must be between 0 and 1")
        for name in ("alpha", "top_k", "max_iter", "tol", "max_bytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}={getattr(self, name)} must be above 0")


class SLIM(ItemItem):
    """Every item from all others by an elastic net (Ning & Karypis: SLIM, ICDM 2011; solved item by item as Levy &
    Jack, LSRS 2013, propose), as Ferrari Dacrema et al. (TOIS 2021) fit it.

    The regressions read nothing but ``X'X`` (n_items, n_items), dense, which takes a fraction of the time that going
    over the interactions does.

    Raises:
        ConfigError: the catalogue is larger than ``max_bytes`` allows.
    """

    Config: ClassVar[type] = SLIMConfig

    def __init__(self, config: SLIMConfig, spec: DataSpec) -> None:
        super().__init__(spec)
        check_size("slim", spec.n_items, 8, config.max_bytes)
        self.config = config

    def fit(self, split: Split, generator: Generator) -> None:
        """Solve item by item; the order in which weights are visited is drawn."""
        matrix = interaction_matrix(split)
        seed = int(torch.randint(2**31, (1,), generator=generator))
        columns = [self._neighbors(weights) for weights in _regressions(matrix, self.config, seed)]
        starts = np.cumsum([0, *(len(items) for items, _ in columns)])
        items, values = (np.concatenate(parts) for parts in zip(*columns, strict=True))
        self.weights.assign(csr_array((values, items, starts), shape=self.weights.shape).T)

    def _neighbors(self, weights: Array) -> tuple[Array, Array]:
        """The items with the largest weights (n_items,), and these."""
        largest = np.argsort(-weights, kind="stable")[: self.config.top_k]
        largest = np.sort(largest[weights[largest] != 0])
        return largest, weights[largest].astype(np.float32)


def _regressions(matrix: csr_array, config: SLIMConfig, seed: int) -> Iterable[Array]:
    """The weights (n_items,) of all items in each item's regression, in order; an item's own is 0."""
    random = np.random.RandomState(seed)
    products = gram(matrix)
    by_item = matrix.T.tocsr()
    # With a Gram matrix scikit-learn reads nothing of the interactions but their shape.
    shape_only = np.broadcast_to(np.zeros(()), matrix.shape)
    for item in _progress(matrix.shape[1]):
        row = products[item].copy()
        target = by_item[[item]].toarray().ravel().astype(np.float64)
        products[item] = products[:, item] = 0  # an item may not explain itself
        with_target = row.copy()
        with_target[item] = 0
        with warnings.catch_warnings():
            # max_iter bounds what an item costs, as it did where these settings were tuned.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, weights, _ = enet_path(
                shape_only,
                target,
                l1_ratio=config.l1_ratio,
                alphas=[config.alpha],
                precompute=products,
                Xy=with_target,
                positive=config.positive,
                selection="random",
                random_state=random,
                max_iter=config.max_iter,
                tol=config.tol,
                check_input=False,
            )
        products[item] = products[:, item] = row
        yield weights[:, 0]


def _progress(n_items: int) -> Iterable[int]:
    """The numbers of all items, with a bar on a terminal."""
    console = Console(stderr=True)
    return track(range(n_items), "slim: items", console=console, transient=True, disable=not console.is_terminal)

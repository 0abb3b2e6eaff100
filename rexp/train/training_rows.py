"""The training rows of a fit, as its loss reads them: labels in place of ratings, and weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rexp.api.training import CONFIG, TARGET, THRESHOLD, WEIGHTED
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.split import Split
    from rexp.data.types import Array


def check_target(split: Split, loss: object) -> None:
    """Refuse a loss of ratings or labels where the data has none.

    Raises:
        ConfigError: naming the loss's target and another one.
    """
    target, ratings = TARGET.of(CONFIG.of(loss)), split.train.ratings
    if target == "implicit":
        return
    if ratings is None:
        raise ConfigError(f"loss.target={target} needs {target}s, and data={split.name} has none; take target=implicit")
    if target == "label" and not np.isin(ratings, (-1, 0, 1)).all():
        raise ConfigError(
            f"loss.target=label needs labels of 1 and 0 (or -1), and the ratings of data={split.name} run from "
            f"{ratings.min():g} to {ratings.max():g}; take loss=bce loss.target=rating loss.threshold=4"
        )


def check_weighted(weights: str, counts: type) -> None:
    """Refuse weights over a loss that does not read them.

    Args:
        weights: ``train.weights``.
        counts: class of the loss, or of the model that brings its own.

    Raises:
        ConfigError: naming what does not read them.
    """
    if weights != "none" and not WEIGHTED.of(counts):
        raise ConfigError(
            f"train.weights={weights}: {counts.__name__} does not count rows by their weights; take a loss that "
            "does (bce, mse, bpr, sampled_softmax), or train.weights=none"
        )


def training_rows(split: Split, loss: object, weights: str) -> Interactions:
    """The training part: labels of 0 and 1 in place of ratings where the loss reads labels, and the weights asked for.

    Args:
        split: whose training part.
        loss: of the fit, or its choice; or None.
        weights: ``train.weights``, see :class:`rexp.train.config.FitConfig`.

    Raises:
        ConfigError: weights that the data or the loss's target do not give.
    """
    config, rows = CONFIG.of(loss), split.train
    if TARGET.of(config) == "label":
        assert rows.ratings is not None
        rows = replace(rows, ratings=(rows.ratings > 0).astype(np.float32))
    if weights == "column":
        return replace(rows, weights=_of_column(split))
    return replace(rows, weights=_balanced(rows, config) if weights == "inverse_frequency" else None)


def _of_column(split: Split) -> Array:
    weights = split.train.weights
    if weights is None:
        raise ConfigError(
            f"train.weights=column: data={split.name} names no column of weights (data=csv does with data.weight)"
        )
    mean = float(np.mean(weights, dtype=np.float64))
    if not mean > 0:
        raise ConfigError(f"train.weights=column: all training rows of data={split.name} weigh 0")
    scaled: Array = (weights / mean).astype(np.float32)
    return scaled


def _balanced(rows: Interactions, config: Any) -> Array:
    """N / (C N_c) of each row's label c, as scikit-learn's ``class_weight="balanced"`` has it (King and Zeng 2001)."""
    if TARGET.of(config) == "implicit" or rows.ratings is None:
        raise ConfigError(
            "train.weights=inverse_frequency balances labels, and this loss takes every training row for a positive; "
            "take loss.target=label or rating, or set how many negatives are drawn (sampler.n)"
        )
    threshold = THRESHOLD.of(config)
    labels = rows.ratings if threshold is None else rows.ratings >= threshold
    _, of_row, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights: Array = (len(labels) / (len(counts) * counts)).astype(np.float32)[of_row]
    return weights

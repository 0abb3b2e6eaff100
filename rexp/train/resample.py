"""Over- and under-sampling of labeled training rows (He and Garcia: Learning from imbalanced data, TKDE 2009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexp.api.training import CONFIG, TARGET, THRESHOLD
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Array
    from rexp.train.config import FitConfig


def positives_of(split: Split, recipe: FitConfig, loss: object) -> Array | None:
    """(N,) bool: which training rows the loss takes for positives; None where nothing is resampled.

    Args:
        split: whose training part.
        recipe: with ``resample``.
        loss: of the fit, or its configured options; or None.

    Raises:
        ConfigError: the loss reads no labels of rows, or the rows have none of two kinds.
    """
    if recipe.resample == "none":
        return None
    config, ratings = CONFIG.of(loss), split.train.ratings
    asked = f"train.resample={recipe.resample}"
    if ratings is None or TARGET.of(config) == "implicit":
        raise ConfigError(
            f"{asked} balances labeled rows, and this loss takes every training row for a positive; take "
            "loss.target=rating, or set how many negatives are drawn (sampler.n)"
        )
    threshold = THRESHOLD.of(config)
    if threshold is None and not np.isin(ratings, (-1, 0, 1)).all():
        raise ConfigError(
            f"{asked} balances labels of 0 and 1, and the ratings of data={split.name} run from {ratings.min():g} to "
            f"{ratings.max():g}; take loss=bce loss.target=rating loss.threshold=4, or leave it out"
        )
    positive: Array = ratings > 0 if threshold is None else ratings >= threshold
    if positive.all() or not positive.any():
        raise ConfigError(f"{asked}: all training rows of data={split.name} have the same label")
    return positive


def resampled_rows(positive: Array, recipe: FitConfig, seed: int) -> Array:
    """(M,) int64, ascending: the rows of an epoch, the same ones in every epoch.

    With n rows of the rarer label and m of the other, ``over`` repeats rows of the rarer one at random until there are
    ``ratio · m``; ``under`` keeps ``n / ratio`` of the other, drawn without replacement. Every row of the one that is
    not drawn from is kept once; where the labels are as balanced as that already, so is every row.

    Args:
        positive: (N,) bool, of both kinds.
        recipe: ``resample`` and ``resample_ratio``.
        seed: of the draw.
    """
    random = np.random.default_rng([seed, 6])
    rare, common = sorted((np.flatnonzero(positive), np.flatnonzero(~positive)), key=len)
    if recipe.resample == "over":
        missing = max(0, round(recipe.resample_ratio * len(common)) - len(rare))
        rare = np.concatenate([rare, random.choice(rare, missing)])
    else:
        kept = min(len(common), round(len(rare) / recipe.resample_ratio))
        common = random.choice(common, kept, replace=False)
    return np.sort(np.concatenate([rare, common]))

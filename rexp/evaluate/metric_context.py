"""Construction of the facts that metrics may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from rexp.api import MetricContext
from rexp.errors import DataError
from rexp.evaluate.item_features import item_features

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.evaluate.config import EvaluateConfig


def metric_context(split: Split, config: EvaluateConfig, device: torch.device) -> MetricContext:
    """The split's catalogue, popularity and item features on a device.

    Raises:
        DataError: no item can be recommended.
        ConfigError: the items have no column ``config.item_features``.
    """
    popularity = torch.as_tensor(np.array(split.train_users_per_item), device=device)
    catalogue = torch.as_tensor(np.flatnonzero(split.in_catalogue(config.catalogue)), device=device)
    if len(catalogue) == 0:
        of_kind = "without" if config.catalogue == "cold" else "with"
        raise DataError(f"'{split.name}' has no item {of_kind} a training interaction: nothing can be recommended")
    features = None if config.item_features is None else item_features(split, config.item_features).to(device)
    return MetricContext(len(np.unique(split.train.users)), catalogue, popularity, features)

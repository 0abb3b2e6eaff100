"""Vectors of users and items to retrieve with: a model's own, or made of item features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rexp.api import Capability
from rexp.errors import ConfigError, RunError
from rexp.evaluate.user_items import UserItems

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.evaluate.scoring import Scorer


class ModelVectors:
    """The vectors of a model that states ``Capability.HAS_EMBEDDINGS``.

    Args:
        scorer: of that model; gives its queries.

    Raises:
        ConfigError: the model has no vectors.
    """

    def __init__(self, scorer: Scorer) -> None:
        check_embeds(scorer.model)
        self.scorer = scorer

    def items(self) -> Tensor:
        """(I, D) vectors of all items."""
        return _finite(self.scorer.model.item_embeddings(), self.scorer.model)

    def users(self, users: Tensor) -> Tensor:
        """(B, D) vectors of users."""
        return _finite(self.scorer.model.user_embeddings(self.scorer.query(users)), self.scorer.model)


class ItemFeatureVectors:
    """Item features as vectors; a user is the mean of what he took in the training part.

    Args:
        features: (I, F) numbers; rows are given length 1.
        split: gives the users' training items.
        device: where vectors are wanted.

    Raises:
        ConfigError: the features are not of these items.
    """

    def __init__(self, features: np.ndarray[Any, Any], split: Split, device: torch.device) -> None:
        if len(features) != split.n_items:
            raise ConfigError(f"the item features have {len(features)} rows, but '{split.name}' has {split.n_items}")
        rows = torch.as_tensor(np.array(features, np.float32), device=device)
        self.rows = torch.nn.functional.normalize(rows, dim=1)
        self.taken = UserItems(split, ["train"], device)

    def items(self) -> Tensor:
        """(I, F) features of all items, of length 1."""
        return self.rows

    def users(self, users: Tensor) -> Tensor:
        """(B, F) means; zeros for a user without training items."""
        rows, items = self.taken.block(users)
        sums = self.rows.new_zeros(len(users), self.rows.shape[1]).index_add_(0, rows, self.rows[items])
        return sums / self.taken.counts[users].clamp(min=1).unsqueeze(1)


def check_embeds(model: Any) -> None:
    """Refuse to index a model that has no vectors.

    Raises:
        ConfigError: naming the ways out.
    """
    if Capability.HAS_EMBEDDINGS not in model.capabilities():
        raise ConfigError(
            f"{type(model).__name__} has no vectors of users and items to retrieve with; take those of a run that has "
            "(mf, two_tower, lightgcn ...) with retriever.from=RUN, or retriever.from=item_features"
        )


def _finite(vectors: Tensor, model: Any) -> Tensor:
    if not bool(vectors.isfinite().all()):
        raise RunError(f"{type(model).__name__} gives vectors with NaN or infinite numbers; nothing can be retrieved")
    return vectors

"""The module that is exported: users and their candidates go in, scores come out."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rexp.api import Capability, Query
from rexp.errors import ConfigError
from rexp.export.dense_tables import make_exportable
from rexp.export.fold import fold_layers

if TYPE_CHECKING:
    from rexp.data.split import Split

USERS_AT_ONCE = 1024


class ModelScorer(nn.Module):
    """The model's own scores.

    Args:
        model: in evaluation mode.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, users: Tensor, items: Tensor, history: Tensor | None = None) -> Tensor:
        """(B, K) scores of ``items`` (B, K) for ``users`` (B,) with their ``history`` (B, L)."""
        scores: Tensor = self.model.score(Query(users, history), items)
        return scores


class VectorScorer(nn.Module):
    """Dot products of vectors that were computed once.

    Args:
        users: (U, D).
        items: (I, D).
    """

    def __init__(self, users: Tensor, items: Tensor) -> None:
        super().__init__()
        # By other names than the inputs have.
        self.user_embeddings, self.item_embeddings = nn.Buffer(users), nn.Buffer(items)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """(B, K) scores of ``items`` (B, K) for ``users`` (B,)."""
        vectors = self.user_embeddings.index_select(0, users)
        rows = self.item_embeddings.index_select(0, items.reshape(-1)).view(*items.shape, vectors.shape[1])
        return (rows @ vectors.unsqueeze(-1)).squeeze(-1)


def scorer_for(model: Any, split: Split, name: str) -> tuple[nn.Module, str]:
    """The module to export, and its description.

    A model that needs the training data to score (a graph, profiles) or was fitted in closed form is exported as the
    vectors that it comes to; another one as it stands, with its compressed tables and its dense ones folded
    (:mod:`rexp.export.fold`).

    Args:
        model: on the CPU, in evaluation mode; it is left as it is.
        split: the data it was trained on.
        name: of the model, for the message.

    Raises:
        ConfigError: it has no such vectors; or it reads contexts.
    """
    capabilities = model.capabilities()
    if Capability.READS_CONTEXT in capabilities and split.contexts:
        raise ConfigError(
            f"model={name} reads the context of a request, and an exported model has no inputs for it; rexp recommend "
            "serves it in each user's latest context"
        )
    needs_data = bool(capabilities & {Capability.NEEDS_TRAIN_DATA, Capability.CLOSED_FORM})
    if Capability.SEQUENTIAL in capabilities or not needs_data:
        copied = deepcopy(model).eval()
        fold_layers(copied)
        make_exportable(copied)
        return ModelScorer(copied).eval(), "the model"
    if not {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT} <= capabilities:
        raise ConfigError(
            f"model={name} needs more than its weights to score, and has no vectors of users and items that could be "
            "exported; take a model that has them (mf, lightgcn, ials ...)"
        )
    with torch.no_grad():
        users = torch.split(torch.arange(split.n_users), USERS_AT_ONCE)
        vectors = torch.cat([model.user_embeddings(Query(block)) for block in users])
        scorer = VectorScorer(vectors.clone(), model.item_embeddings().clone())
    return scorer.eval(), "the vectors of its users and items"

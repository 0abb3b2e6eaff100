"""Models: what they can do, and what they give."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.data.query import DataSpec, Query


class Capability(StrEnum):
    """What a model instance can do beside :meth:`Model.score`; stated by the model, never guessed."""

    HAS_EMBEDDINGS = "has_embeddings"
    """``user_embeddings(query) -> (B, D)`` and ``item_embeddings() -> (I, D)``."""
    DOT_PRODUCT = "dot_product"
    """``score == user_embeddings · item_embeddings``."""
    SCORES_ALL_ITEMS = "scores_all_items"
    """``score_all(query) -> (B, I)``."""
    CLOSED_FORM = "closed_form"
    """``fit(split, generator)``: closed form; no loss, optimiser or epochs."""
    SEQUENTIAL = "sequential"
    """``history_length``: the model reads ``Query.history``."""
    OWN_LOSS = "own_loss"
    """``training_loss(batch) -> Tensor``, a scalar."""
    REGULARIZED = "regularized"
    """``penalty(batch) -> Tensor``, a scalar that is added to the loss."""
    NEEDS_TRAIN_DATA = "needs_train_data"
    """``bind(split)``: takes what it needs of the training part (a graph, profiles, features). It is called once
    the model is built, before it is fitted and before stored weights are put into it; what it keeps is no weight."""
    PREDICTS_RATINGS = "predicts_ratings"
    """Scores are ratings on the scale of the data: metrics such as RMSE may be taken. A model that is trained predicts
    them where its loss does."""
    SCORES_SEQUENCES = "scores_sequences"
    """``score_sequence(query, items) -> Tensor``: logits of items (B, L, K) at every position of the history (B, L),
    each seeing no later position: such a model is trained on whole sequences."""


class Model(Protocol):
    """A recommender: an ``nn.Module`` (a closed-form one keeps what it learned in buffers)."""

    Config: ClassVar[type]

    def __init__(self, config: Any, spec: DataSpec) -> None: ...

    def capabilities(self) -> frozenset[Capability]:
        """What this instance can do; a variant decides."""
        ...

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Point-wise logits of ``items``, (B,) or (B, K), in the same shape."""
        ...

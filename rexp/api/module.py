"""The contract of a model as a base class, for authors who like one; nothing asks for it at run time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import nn

from rexp.api.training import Layout

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api.model import Capability
    from rexp.api.training import Batch
    from rexp.data.query import Query
    from rexp.data.split import Split
    from rexp.nn.coupling import HiddenUnits, Reader


class RecommenderModule(nn.Module, ABC):
    """An ``nn.Module`` with all that the core may ask a model for (:class:`rexp.api.Model`).

    Two methods must be there. The others are asked for only where :meth:`capabilities` says so, and raise
    ``NotImplementedError`` until they are written; those that any model is asked for give "none".
    """

    layout: Layout = Layout.POINTWISE
    """How the batches of a loss of its own lie."""
    history_length: int | None = None
    """The latest items of a history that are read; None reads all."""
    widths: Sequence[int] = ()
    """Columns of the parts that each table holds side by side."""

    @abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """What this instance can do."""

    @abstractmethod
    def score(self, query: Query, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), in their shape."""

    def score_all(self, query: Query) -> Tensor:
        """(B, I) logits of the whole catalog; with ``Capability.SCORES_ALL_ITEMS``."""
        raise NotImplementedError

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, D) vectors of users; with ``Capability.HAS_EMBEDDINGS``."""
        raise NotImplementedError

    def item_embeddings(self) -> Tensor:
        """(I, D) vectors of all items; with ``Capability.HAS_EMBEDDINGS``."""
        raise NotImplementedError

    def fit(self, split: Split, generator: Generator) -> None:
        """Learn from the training part in closed form; with ``Capability.CLOSED_FORM``."""
        raise NotImplementedError

    def bind(self, split: Split) -> None:
        """Take what is needed of the training part; with ``Capability.NEEDS_TRAIN_DATA``."""
        raise NotImplementedError

    def training_loss(self, batch: Batch) -> Tensor:
        """The model's own loss of a batch, a scalar; with ``Capability.OWN_LOSS``."""
        raise NotImplementedError

    def penalty(self, batch: Batch) -> Tensor:
        """A scalar that is added to the loss of a batch; with ``Capability.REGULARIZED``."""
        raise NotImplementedError

    def score_sequence(self, query: Query, items: Tensor) -> Tensor:
        """Logits of items (B, L, K) at every position of the history; with ``Capability.SCORES_SEQUENCES``."""
        raise NotImplementedError

    def coupled_parameters(self) -> Sequence[Reader]:
        """How tables are read together; none that is known."""
        return ()

    def hidden_units(self) -> Sequence[HiddenUnits]:
        """Units between linear layers that may be taken out; none."""
        return ()

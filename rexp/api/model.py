"""Models: what they can do, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from rexp.api.optional import OptionalMember
from rexp.api.training import Layout

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rexp.data.query import DataSpec, Query
    from rexp.nn.coupling import HiddenUnits, Reader


class Capability(StrEnum):
    """Capabilities of a model instance in addition to :meth:`Model.score`; declared by the model, never guessed.

    ``rexp.api.RecommenderModule`` declares every method that is named here. B users, K items of each, I items of the
    catalogue, D numbers a vector, L items of a history.
    """

    HAS_EMBEDDINGS = "has_embeddings"
    """``user_embeddings(query) -> (B, D)`` and ``item_embeddings() -> (I, D)``."""
    DOT_PRODUCT = "dot_product"
    """``score == user_embeddings · item_embeddings``."""
    SCORES_ALL_ITEMS = "scores_all_items"
    """``score_all(query) -> (B, I)``."""
    CLOSED_FORM = "closed_form"
    """``fit(split, generator)``: closed form; no loss, optimizer or epochs."""
    SEQUENTIAL = "sequential"
    """``history_length``: the model reads ``Query.history``, of the latest so many items; None reads all."""
    OWN_LOSS = "own_loss"
    """``training_loss(batch) -> Tensor``, a scalar; ``layout`` says how its batches lie (:data:`LAYOUT`)."""
    REGULARIZED = "regularized"
    """``penalty(batch) -> Tensor``, a scalar that is added to the loss."""
    NEEDS_TRAIN_DATA = "needs_train_data"
    """``bind(split)``: takes what it needs of the training part (a graph, profiles, features). It is called once
    the model is built, before it is fitted and before stored weights are put into it; what it keeps is no weight."""
    READS_CONTEXT = "reads_context"
    """``Query.features`` must hold every feature of side "context" of the data (``DataSpec.features``)."""
    COLD_ITEMS = "cold_items"
    """An item without a training interaction is told from others like it: by what the data says of it, say."""
    COLD_USERS = "cold_users"
    """A user without a training interaction is told from others like it."""
    LISTS_ONLY = "lists_only"
    """It scores the items of a list of each user, and gives -inf for all others, which are not recommended."""
    PREDICTS_RATINGS = "predicts_ratings"
    """Scores are ratings on the scale of the data: metrics such as RMSE may be taken. A model that is trained predicts
    them where its loss does."""
    SCORES_SEQUENCES = "scores_sequences"
    """``score_sequence(query, items) -> Tensor``: logits of items (B, L, K) at every position of the history (B, L),
    each seeing no later position: such a model is trained on whole sequences."""


class Model(Protocol):
    """A recommender: an ``nn.Module`` (a closed-form one keeps what it learned in buffers).

    What belongs to a trained model lies in its parameters and persistent buffers, all of which are stored; everything
    else must follow from the options, the data and :meth:`bind`. Vectors of users and items lie in tables
    (``rexp.api.embedding_table``), so that stages can put smaller ones in their places; a plain ``nn.Embedding`` is
    taken as one, see ``rexp.api.adopt_embeddings``.

    A model may also have ``layout``, ``history_length``, ``item_embeddings_of``, ``coupled_parameters``,
    ``hidden_units``, ``widths``, ``init_from_models`` and ``take_parts`` (:data:`LAYOUT` and so on, below), and its
    submodules ``n_codes`` and ``resizable``. ``rexp.api.RecommenderModule`` is this contract as a base class, for who
    likes one.

    Example::

        class ItemBias(nn.Module):
            Config = ItemBiasConfig  # a dataclass with an option ``scale``

            def __init__(self, config, spec):
                super().__init__()
                self.item_bias = nn.Parameter(torch.randn(spec.n_items) * config.scale)

            def capabilities(self):
                return frozenset()

            def score(self, query, items):
                return self.item_bias[items]
    """

    Config: ClassVar[type]

    def __init__(self, config: Any, spec: DataSpec) -> None: ...

    def capabilities(self) -> frozenset[Capability]:
        """The capabilities of this instance, which may depend on its options."""
        ...

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Point-wise logits of ``items``, (B,) or (B, K), in the same shape."""
        ...


@runtime_checkable
class ReplacementModule(Protocol):
    """A module that a stage puts into a model; an ``nn.Module`` that is read as the one in whose place it stands.

    In the place of a table (``rexp.api.CompactEmbedding`` is a base for these) it has ``forward(ids)``, ``rows()`` and
    ``nbytes()``, see ``rexp.api.EmbeddingTable``. It may have ``n_codes`` and ``resizable`` (:data:`N_CODES`,
    :data:`RESIZABLE`).
    """

    def describe(self) -> Mapping[str, Any]:
        """Keyword arguments of its constructor, plain values: what makes an empty one, for its weights to be put into.

        Lists come back for tuples.
        """
        ...


LAYOUT = OptionalMember("layout", Layout.POINTWISE)
"""Of a model with a loss of its own: how its batches lie."""
HISTORY_LENGTH: OptionalMember[int | None] = OptionalMember("history_length", None)
"""Of a model with ``Capability.SEQUENTIAL``: the latest items that it reads; None reads all. A stage that asks a
student outside its batch needs a number."""
ITEM_EMBEDDINGS_OF: OptionalMember[Callable[[Tensor], Tensor] | None] = OptionalMember("item_embeddings_of", None)
"""Of a model with ``Capability.HAS_EMBEDDINGS``, a method: (N, D) vectors of ``items`` (N,), the rows of
``item_embeddings()``. Without it a training step makes the vectors, and their gradient, of the whole catalog."""
COUPLED_PARAMETERS: OptionalMember[Callable[[], Sequence[Reader]]] = OptionalMember("coupled_parameters", tuple)
"""Of a model, a method: how its tables are read together (``rexp.api.DotCoupling`` and others), so that stages may take
columns out of them, or turn them. Such a model takes the widths of its vectors from its tables."""
HIDDEN_UNITS: OptionalMember[Callable[[], Sequence[HiddenUnits]]] = OptionalMember("hidden_units", tuple)
"""Of a model, a method: the units between its linear layers, so that stages may take some of them out. Such a model
takes the widths of its layers from these."""
WIDTHS: OptionalMember[Sequence[int]] = OptionalMember("widths", ())
"""Of a model: the columns of the parts that each of its tables holds side by side, where several models share one; a
stage may let parts of equal width be one."""
INIT_FROM_MODELS: OptionalMember[Callable[[Mapping[str, nn.Module]], None] | None] = OptionalMember(
    "init_from_models", None
)
"""Of a model, a method: takes its initial weights from trained models by their roles, for a mapping in
``model.init_from``; raises ``ConfigError`` for roles or sizes that do not fit."""
TAKE_PARTS: OptionalMember[Callable[[Sequence[Any]], None] | None] = OptionalMember("take_parts", None)
"""Of a model, a method: takes the models of the stored runs that ``model.runs`` names, in their order, as modules of
its own, right after it was built; raises ``ConfigError`` for what does not fit. ``model.runs`` must then be given."""
N_CODES: OptionalMember[Callable[[], int]] = OptionalMember("n_codes", int)
"""Of a module in a model, a method: how many numbers it stores as codes, which count as parameters."""
RESIZABLE = OptionalMember("resizable", False)
"""Of a module in a model: its own tensors have another size once it is fitted, so that stored weights of any size are
put into it (``rexp.api.SparseMatrix``)."""

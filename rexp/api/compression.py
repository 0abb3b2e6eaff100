"""Compression stages, their context and their teachers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api.training import Batch
    from rexp.data.split import Split


class Requirement(StrEnum):
    """What a compression stage cannot do without; a run that lacks it is refused with the reason."""

    TEACHER = "teacher"
    """A teacher: ``model@teacher=NAME``, or ``teacher.from=RUN``."""
    ONLINE = "online"
    """A teacher that the stage trains beside its student (``StageContext.online``)."""
    TABLES = "tables"
    """At least one embedding table (``rexp.nn.embedding.EmbeddingTable``)."""
    LINEAR = "linear"
    """At least one ``nn.Linear``."""
    VECTORS = "vectors"
    """A model with ``Capability.HAS_EMBEDDINGS``; where a teacher is needed too, it embeds as well."""
    READERS = "readers"
    """A model that says how it reads its tables (``rexp.nn.coupling``)."""
    DOT = "dot"
    """A model that reads its tables as one dot product and in no other way (``rexp.nn.coupling.DotCoupling``)."""
    HIDDEN = "hidden"
    """A model that says which units its layers hide (``rexp.nn.coupling.HiddenUnits``)."""
    INITIAL = "initial"
    """The weights that the model started from."""
    FEATURES = "features"
    """A model that reads at least one feature (``rexp.nn.feature_embedding.FeatureEmbedding``)."""
    VALIDATION = "validation"
    """A model that was fitted, and a validation part to measure it on (``StageContext.validate``)."""


class TeacherView(Protocol):
    """What a stage may ask of a teacher; made once, kept beside the teacher's artifact, never the module itself."""

    def top_items(self, k: int) -> Tensor:
        """(U, k) int32: every user's best items of the catalogue beside those of its training part, best first; -1
        where fewer are left."""
        ...

    def top_scores(self, k: int) -> Tensor:
        """(U, k) float32: the logits of :meth:`top_items`, kept as they are; -inf where fewer are left."""
        ...

    def scores(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``, without a gradient."""
        ...

    def score_all(self, users: Tensor) -> Tensor:
        """(B, I) logits of the whole catalogue for ``users`` (B,), without a gradient."""
        ...

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) vectors of ``users`` (B,), without a gradient; for a teacher that embeds."""
        ...

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) vectors of ``items`` (B,), without a gradient; for a teacher that embeds."""
        ...


@dataclass(frozen=True)
class StageContext:
    """What a stage may know.

    Args:
        split: its training part may be learned from, nothing else. (What ``validate`` says may be chosen by.)
        generator: the only source of chance, seeded by the run and the stage's place in the order.
        teacher: or None where the stage needs none.
        max_epochs: epochs of the fit that a stage is part of; 0 outside one.
        initial: the model's weights before its first fit, for a stage that needs them.
        online: the model that learns beside its student, a module of its own, for a stage that trains it.
        validate: measures the model as it is now on the validation part, by the metric that its fit is watched by;
            negated where lower is better, so that higher always is. For a stage with ``Need.VALIDATION``, else None.
        found: takes numbers that the stage found, by their names, for the run's result.
    """

    split: Split
    generator: Generator
    teacher: TeacherView | None = None
    max_epochs: int = 0
    initial: Mapping[str, Tensor] | None = None
    online: Any = None
    validate: Callable[[], float] | None = None
    found: dict[str, float] = field(default_factory=dict)


class TrainStep(Protocol):
    """One training step as a stage sees it; a model that encodes is asked once."""

    batch: Batch
    scores: Tensor
    """Of ``batch.items``, in their shape."""
    users: Tensor
    """(A,) distinct users of the batch, ascending."""
    items: Tensor
    """(C,) distinct items of the batch, ascending."""
    sums: bool
    """The fit's own loss is a sum over the batch, not a mean."""

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) the model's vectors of ``users`` (B,), with their gradient."""
        ...

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) the model's vectors of ``items`` (B,), with their gradient."""
        ...

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), with their gradient."""
        ...

    def objective(self, model: Any, /) -> Tensor:
        """What the batch costs another model by the fit's own loss, with that model's penalty."""
        ...


class StageHook(Protocol):
    """A stage at work inside a fit: an ``nn.Module``, whose parameters are a group of the optimiser and are discarded
    with it."""

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """Scalars by name that are added to the loss of this step, weighted already; none for a stage without."""
        ...

    def after_step(self) -> None:
        """After the optimiser's step, e.g. to put a mask on again."""
        ...

    def on_epoch(self, epoch: int) -> None:
        """Before each epoch, counted from 1: what is drawn or annealed by epochs."""
        ...

    # One that reaches what the result must be only after some epochs has ``settled``, a bool: before that no epoch is
    # chosen, and no patience lost. With ``settle() -> None`` it brings the model there at once, for a fine-tune to
    # compare its epochs with no training at all; the weights come back before the first epoch.

    def finish(self) -> None:
        """After the fit: leave the model materialised, without masks, observers or projections."""
        ...


class Stage(Protocol):
    """One step of a compression recipe.

    ``phase`` says when: "build" swaps modules before the first fit, "post" transforms a fitted model, and "train" acts
    inside a fit. A stage of the first two has ``apply(model, context) -> None``, which swaps submodules in place; one
    of the last has ``attach(model, context) -> Attached``.
    One that makes or stores the zeros of a mask says so with ``stores_masks = True``: a control is run without it.
    One of "build" whose model needs no training says so with ``fits = True``: an order with it can do without a fit.
    ``modules`` names the classes of the modules that the stage puts into a model. Each can be made again, empty, from
    what its ``describe()`` returned: keyword arguments of its constructor, plain values only. So a stored model comes
    back without running the stage.
    """

    Config: ClassVar[type]
    phase: ClassVar[Literal["build", "train", "post"]]
    needs: ClassVar[frozenset[Requirement]]
    trainable_after: ClassVar[bool]
    """A fit may follow; never after whole numbers have taken the place of weights."""
    modules: ClassVar[Mapping[str, type]]

    def __init__(self, config: Any) -> None: ...

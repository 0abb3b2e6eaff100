"""Compression stages, their context and their teachers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from rexp.api.optional import OptionalMember

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api.module import RecommenderModule
    from rexp.api.training import Batch
    from rexp.data.split import Split
    from rexp.data.types import Catalogue


class Requirement(StrEnum):
    """Requirements of a compression stage; a run that lacks one is refused with the reason."""

    TEACHER = "teacher"
    """A teacher (``StageContext.teacher``): ``model@teacher=NAME``, or ``teacher.from=RUN``."""
    PAIRS = "pairs"
    """With ``TEACHER``: a teacher that scores every pair of user and item, not those of its lists alone
    (``Capability.LISTS_ONLY``)."""
    ONLINE = "online"
    """A teacher that the stage trains beside its student (``StageContext.online``)."""
    TABLES = "tables"
    """At least one embedding table (``rexp.api.EmbeddingTable``)."""
    LINEAR = "linear"
    """At least one ``nn.Linear``."""
    VECTORS = "vectors"
    """A model with ``Capability.HAS_EMBEDDINGS``; where a teacher is needed too, it embeds as well."""
    READERS = "readers"
    """A model that says how it reads its tables (``coupled_parameters``)."""
    DOT = "dot"
    """A model that reads its tables as one dot product and in no other way (``rexp.api.DotCoupling``)."""
    HIDDEN = "hidden"
    """A model that says which units its layers hide (``hidden_units``)."""
    INITIAL = "initial"
    """The weights that the model started from (``StageContext.initial``)."""
    FEATURES = "features"
    """A model that reads at least one feature (``rexp.api.FeatureEmbedding``)."""
    VALIDATION = "validation"
    """A model that was fitted, and a validation part to measure it on (``StageContext.validate``)."""


class TeacherView(Protocol):
    """A teacher's lists, scores and embeddings, computed once and cached with its run; never the module itself."""

    lists_only: bool
    """It knows the scores of its own lists alone, as one read from a file does."""

    def top_items(self, k: int, *, hide_train: bool = True, catalogue: Catalogue = "train") -> Tensor:
        """(U, k) int32: every user's best items of the catalog, best first; without those of the user's training part
        unless ``hide_train`` is False; -1 where fewer are left. The catalog is that of the items with a training
        interaction; ``catalogue="all"`` has the cold ones too, ``"cold"`` no others."""
        ...

    def top_scores(self, k: int, *, hide_train: bool = True, catalogue: Catalogue = "train") -> Tensor:
        """(U, k) float32: the logits of :meth:`top_items`, kept as they are; -inf where fewer are left."""
        ...

    def scores(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        """Logits of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``, without a gradient;
        of a stage with ``Requirement.PAIRS``.

        ``features`` are contexts (B,), those of the batch say (``step.batch.query.features``), for a teacher that reads
        them; here and everywhere None takes that of each user's last training row.
        """
        ...

    def score_all(self, users: Tensor) -> Tensor:
        """(B, I) logits of the whole catalogue for ``users`` (B,), without a gradient; -inf of what a teacher of lists
        does not recommend."""
        ...

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) vectors of ``users`` (B,), without a gradient; for a teacher that embeds."""
        ...

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) vectors of ``items`` (B,), without a gradient; for a teacher that embeds."""
        ...


class StudentView(Protocol):
    """The model in training as a stage may ask it between steps, as it is at that moment, without a gradient.

    It is no module, so that a stage that keeps it takes nothing of the model for its own. The model is in evaluation
    mode while it answers, and all answers lie on the CPU. What a step computes with a gradient is asked of
    :class:`TrainStep`.
    """

    def top_items(self, k: int, *, hide_train: bool = True) -> Tensor:
        """(U, k) int32: every user's best items, best first; without those of the user's training part unless
        ``hide_train`` is False; -1 where fewer are left."""
        ...

    def catalog(self, *, hide_train: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of all users (B,), ascending, with their scores (B, I), which are the caller's own; -inf for items of
        the training part unless ``hide_train`` is False."""
        ...

    def scores(self, users: Tensor, items: Tensor, features: Mapping[str, Tensor] | None = None) -> Tensor:
        """Logits of ``items`` (B,) or (B, K) for ``users`` (B,), in the shape of ``items``; ``features`` as a teacher's
        (:class:`TeacherView`)."""
        ...

    def score_all(self, users: Tensor) -> Tensor:
        """(B, I) logits of the whole catalog for ``users`` (B,)."""
        ...

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) vectors of ``users`` (B,); for a model with ``Capability.HAS_EMBEDDINGS``."""
        ...

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) vectors of ``items`` (B,); for a model with ``Capability.HAS_EMBEDDINGS``."""
        ...


@dataclass(frozen=True)
class StageContext:
    """The data, randomness and teacher available to a stage.

    Args:
        split: its training part may be learned from, nothing else. (What ``validate`` says may be chosen by.)
        generator: the only source of chance, seeded by the run and the stage's place in the order.
        teacher: or None where the stage needs none.
        max_epochs: epochs of the fit that a stage is part of; 0 outside one.
        initial: the model's weights before its first fit, for a stage that needs them.
        online: the model that learns beside its student, a module of its own, for a stage that trains it.
        validate: measures the model as it is now on the validation part, by the metric that its fit is watched by;
            negated where lower is better, so that higher always is. None for one without ``Requirement.VALIDATION``.
        found: takes numbers that the stage found, by their names, for the run's result.
        student: the model that the stage works on, as it is whenever it is asked.
    """

    split: Split
    generator: Generator
    teacher: TeacherView | None = None
    max_epochs: int = 0
    initial: Mapping[str, Tensor] | None = None
    online: RecommenderModule | None = None
    validate: Callable[[], float] | None = None
    found: dict[str, float] = field(default_factory=dict)
    student: StudentView | None = None


class TrainStep(Protocol):
    """One training step as a stage sees it; a model that encodes is asked once."""

    batch: Batch
    scores: Tensor
    """Of ``batch.items``, in their shape; none, (0,), where the model has a loss of its own."""
    sums: bool
    """The fit's own loss is a sum over the batch, not a mean."""

    @property
    def users(self) -> Tensor:
        """(A,) distinct users of the batch, ascending."""
        ...

    @property
    def items(self) -> Tensor:
        """(C,) distinct items of the batch, ascending; padding is none."""
        ...

    def user_embeddings(self, users: Tensor) -> Tensor:
        """(B, D) the model's vectors of ``users`` (B,), with their gradient."""
        ...

    def item_embeddings(self, items: Tensor) -> Tensor:
        """(B, D) the model's vectors of ``items`` (B,), with their gradient."""
        ...

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), with their gradient; in the context of each user's last training row."""
        ...

    def objective(self, model: Any, /) -> Tensor:
        """The fit's own loss of another model on this batch, including that model's penalty."""
        ...


class StageHook(Protocol):
    """A stage at work inside a fit: an ``nn.Module``, whose parameters are a group of the optimizer and are discarded
    with it; buffers that a resumed fit needs are stored with its checkpoints.

    It must not hold the model, or a part of it, as a submodule (``self.model = model``): parameters would be trained
    twice. What it asks of the model is in ``StageContext.student`` and in the step; parts that it changes may be kept
    in a list. A hook may also have ``settled`` and ``settle`` (:data:`SETTLED`, :data:`SETTLE`).

    Example::

        class PullToTeacher(nn.Module):
            def __init__(self, teacher, weight):
                super().__init__()
                self.teacher, self.weight = teacher, weight

            def loss(self, step):
                wanted = self.teacher.scores(step.users, step.items.expand(len(step.users), -1))
                own = step.score(step.users, step.items.expand(len(step.users), -1))
                return {"pull": self.weight * (own - wanted).square().mean()}

            def after_step(self): ...
            def on_epoch(self, epoch): ...
            def finish(self): ...
    """

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """Scalars by name that are added to the loss of this step, weighted already; none for a stage without."""
        ...

    def after_step(self) -> None:
        """After the optimizer's step, e.g. to put a mask on again."""
        ...

    def on_epoch(self, epoch: int) -> None:
        """Before each epoch, counted from 1: what is drawn or annealed by epochs."""
        ...

    def finish(self) -> None:
        """After the fit: leave the model materialized, without masks, observers or projections."""
        ...


SETTLED = OptionalMember("settled", True)
"""Of a hook: whether the model is what the result must be (a sparsity is reached, say). Before that no epoch is chosen,
and no patience lost."""
SETTLE: OptionalMember[Callable[[], None] | None] = OptionalMember("settle", None)
"""Of a hook with ``settled``, a method: brings the model there at once, for a fine-tune to compare its epochs with no
training at all; the weights come back before the first epoch."""


class Stage(Protocol):
    """One step of a compression recipe.

    ``phase`` says when: "build" swaps modules before the first fit, "post" transforms a fitted model, and "train" acts
    inside a fit. A stage of the first two has ``apply(model, context) -> None``, which swaps submodules in place; one
    of the last has ``attach(model, context) -> StageHook``. Both raise ``ConfigError`` where the options do not go with
    the model. A stage may also have ``stores_masks`` and ``fits`` (:data:`STORES_MASKS`, :data:`FITS`).

    ``needs`` may be narrowed or widened on the instance, where options decide.
    ``modules`` names the classes of the modules that the stage puts into a model. Each can be made again, empty, from
    what its ``describe()`` returned: keyword arguments of its constructor, plain values only. So a stored model comes
    back without running the stage (:class:`rexp.api.ReplacementModule`).

    Example::

        class Round:
            Config = RoundConfig  # a dataclass with an option ``step``
            phase = "post"
            needs = frozenset({Requirement.TABLES})
            trainable_after = True
            modules = {}

            def __init__(self, config):
                self.config = config

            def apply(self, model, context):
                for table in tables(model).values():
                    table.assign((table.rows() / self.config.step).round() * self.config.step)
    """

    Config: ClassVar[type]
    phase: ClassVar[Literal["build", "train", "post"]]
    needs: frozenset[Requirement]
    trainable_after: ClassVar[bool]
    """A fit may follow; never after whole numbers have taken the place of weights."""
    modules: ClassVar[Mapping[str, type]]

    def __init__(self, config: Any) -> None: ...


STORES_MASKS = OptionalMember("stores_masks", False)
"""Of a stage's class: it makes or stores the zeros of a mask, so that a control is run without it."""
FITS = OptionalMember("fits", False)
"""Of a stage's class of phase "build": the model that it leaves needs no training; an order with it needs no fit."""

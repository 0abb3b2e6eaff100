"""All that a plugin author imports: the contracts between rexp and its plugins.

A plugin is a class with a ``Config`` dataclass, published as an entry point; nothing is inherited.
torch is imported for type checking only, so that listing plugins stays fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from torch import Generator, Tensor

    from rexp.data.split import Interactions, Split

REXP_API = (1, 3)
"""(major, minor) of these contracts. A plugin states the one it was written for as ``rexp_api``."""


class Capability(StrEnum):
    """What a model instance can do beside :meth:`Model.score`; stated by the model, never guessed."""

    EMBEDS = "embeds"
    """``user_vectors(query) -> (B, D)`` and ``item_vectors() -> (I, D)``."""
    DOT_PRODUCT = "dot_product"
    """``score == user_vectors · item_vectors``."""
    SCORES_CATALOGUE = "scores_catalogue"
    """``score_all(query) -> (B, I)``."""
    FITS_DIRECTLY = "fits_directly"
    """``fit(split, generator)``: closed form; no loss, optimiser or epochs."""
    READS_HISTORY = "reads_history"
    """``history_length``: the model reads ``Query.history``."""
    OWN_LOSS = "own_loss"
    """``training_loss(batch) -> Tensor``, a scalar."""
    PENALISED = "penalised"
    """``penalty(batch) -> Tensor``, a scalar that is added to the loss."""
    READS_TRAIN = "reads_train"
    """``observe(split)``: takes what it needs of the training part (a graph, profiles, features). It is called once
    the model is built, before it is fitted and before stored weights are put into it; what it keeps is no weight."""
    PREDICTS_RATINGS = "predicts_ratings"
    """Scores are ratings on the scale of the data: metrics such as RMSE may be taken. A model that is trained predicts
    them where its loss does."""
    SCORES_SEQUENCES = "scores_sequences"
    """``score_sequence(query, items) -> Tensor``: logits of items (B, L, K) at every position of the history (B, L),
    each seeing no later position: such a model is trained on whole sequences."""


class Layout(StrEnum):
    """How a loss wants its batch; ``Batch`` says the shapes."""

    POINT = "point"
    PAIR = "pair"
    ROWS = "rows"
    SEQUENCE = "sequence"
    USERS = "users"


@dataclass(frozen=True)
class FeatureSpec:
    """One feature column of users or items.

    Args:
        side: whose it is.
        kind: a ``category`` (one of several), a ``set`` of them (such as genres), or a ``number``.
        cardinality: number of categories; category 0 stands for an unknown one. 0 for a number.
    """

    side: Literal["user", "item"]
    kind: Literal["category", "set", "number"]
    cardinality: int


@dataclass(frozen=True)
class DataSpec:
    """What a model may know of the data when it is built.

    Args:
        n_users: users in the vocabulary, dense ids 0 .. n_users - 1.
        n_items: items in the vocabulary, dense ids 0 .. n_items - 1.
        n_train: interactions in the training part.
        features: feature columns of users and items by name.
    """

    n_users: int
    n_items: int
    n_train: int
    features: Mapping[str, FeatureSpec] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """Whom to recommend to; built by the data path only, so that nothing after the target can leak in.

    Args:
        users: (B,) int64 user ids.
        history: (B, L) int64 item ids, oldest first, padded in front with -1, cut strictly before the target.
        features: (B, ...) tensors by feature name.
    """

    users: Tensor
    history: Tensor | None = None
    features: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """One training step's examples.

    Args:
        query: B users.
        items: (B,) in the layout ``point``; (B, 2) positive, negative in ``pair``; (B, 1 + N) in ``rows``, positive
            first; (B, L, 1 + N) in ``sequence``, where ``query.history`` (B, L) holds what came before each of them,
            both padded in front with -1; (B, 0) in ``users``.
        labels: (B,) float32 in the layout ``point``: 1 for a positive, 0 for a negative, or the rating; else None.
        log_q: the log-probability with which the sampler draws each of ``items`` (same shape), or None where uniform;
            +inf marks an item that must not count.
    """

    query: Query
    items: Tensor
    labels: Tensor | None = None
    log_q: Tensor | None = None


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


class Loss(Protocol):
    """A training objective over scores; holds no parameters.

    A ``Config`` with an option ``target`` set to "rating" gets ratings as labels, and no negatives; scores are then
    trained to be ratings, unless the loss says ``predicts_ratings = False``. One whose option ``reduction`` is "sum"
    sums over the batch; others take a mean.
    """

    Config: ClassVar[type]
    layout: Layout

    def __init__(self, config: Any) -> None: ...

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of ``scores``, which has the shape of ``batch.items``."""
        ...


@dataclass(frozen=True)
class Negatives:
    """Drawn items (B, N) int64, and the log-probability of each, or None where uniform."""

    items: Tensor
    log_q: Tensor | None = None


class Sampler(Protocol):
    """Draws negatives, in one vectorised call.

    ``positives`` says how positives are drawn: every interaction once an epoch, or users uniformly and an item of each.
    ``scope`` is "batch" where the draw must see exactly one batch (in-batch negatives), else "chunk" (many at once).
    """

    Config: ClassVar[type]
    n: int
    positives: Literal["interactions", "users"]
    scope: Literal["batch", "chunk"]

    def __init__(self, config: Any, split: Split) -> None: ...

    def sample(self, users: Tensor, positives: Tensor, generator: Generator) -> Negatives:
        """``n`` negatives for each of ``users`` (B,), whose positives are ``positives`` (B,)."""
        ...


@dataclass(frozen=True)
class Origin:
    """Where a frame of interactions was read from; for messages, and for names in filters.

    Args:
        path: the file.
        first_line: the line in which its first row stands.
        columns: the file's own name of the columns ``user``, ``item``, ``rating``, ``time``; empty for one that is not
            to be read.
    """

    path: Path
    first_line: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """What a data set's reader returns: frames with columns ``user``, ``item`` and, where known, ``rating``, ``time``.

    Either ``interactions`` (to be filtered and split) or ``given`` parts (``train``, ``test`` and maybe ``valid``).
    Ids are whole numbers or text, ratings numbers, times numbers, dates or date-times; a missing one is null. Further
    columns are read by ``data.filter.where`` alone.

    Args:
        interactions: every interaction.
        given: the publisher's own parts by name.
        candidates: ``user`` and ``items`` (a list column): the publisher's own negatives of the test users.
        items: ``item`` and any of ``title``, ``genres`` and further feature columns.
        users: ``user`` and feature columns.
        steps: what the reader itself left out, in its order, each as ``rexp.prepare.filters.describe_step`` tells
            it; they stand before the filters in the report.
        item_columns, user_columns: further columns of the interactions that describe their item or user, by the names
            that they get; of several values the commonest text, or the median number.
        origins: where ``interactions`` or the parts were read from, by these names.
    """

    interactions: pl.DataFrame | None = None
    given: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    candidates: pl.DataFrame | None = None
    items: pl.DataFrame | None = None
    users: pl.DataFrame | None = None
    steps: Sequence[Mapping[str, Any]] = ()
    item_columns: Mapping[str, str] = field(default_factory=dict)
    user_columns: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceFile:
    """A file a data set is read from; ``sha256`` is of the stored file, None for a user's own."""

    path: Path
    sha256: str | None = None


@dataclass(frozen=True)
class DataCard:
    """What ``rexp data info`` says of a data set beside its counts."""

    title: str
    licence: str
    homepage: str
    citation: str = ""
    notes: str = ""


class Dataset(Protocol):
    """A source of interactions."""

    Config: ClassVar[type]
    card: ClassVar[DataCard]

    def __init__(self, config: Any, root: Path | None) -> None: ...

    def sources(self) -> Sequence[SourceFile]:
        """Files that :meth:`read` reads, named without opening them; raises ``DataError`` where one is missing."""
        ...

    def read(self) -> Raw: ...


@dataclass(frozen=True)
class Parts:
    """A split of rows: boolean masks or row numbers into the interactions, in their order."""

    train: np.ndarray[Any, Any]
    valid: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]


class Splitter(Protocol):
    """Divides interactions (sorted by user, then time) into train, valid and test rows."""

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def split(self, interactions: Interactions) -> Parts: ...


@dataclass(frozen=True)
class Lists:
    """A block of users' recommendation lists.

    Args:
        users: (B,) int64.
        items: (B, K) int64, best first; -1 where the list is shorter than K.
        hits: (B, K) bool: the item is relevant.
        n_relevant: (B,) int64, all relevant items of the user, cold ones included; at least 1.
    """

    users: Tensor
    items: Tensor
    hits: Tensor
    n_relevant: Tensor


@dataclass(frozen=True)
class Ties:
    """The groups of equal scores that the places of a block of lists belong to; within a group any order is as likely.

    Args:
        first: (B, K) int64, the place, from 0, where the group begins.
        size: (B, K) int64, items of the group, those behind the list too; 1 where no other item has this score.
        relevant: (B, K) int64, how many of them are relevant.
    """

    first: Tensor
    size: Tensor
    relevant: Tensor


@dataclass(frozen=True)
class Rows:
    """Labelled rows with their scores, all (N,): for the protocol ``pointwise``."""

    users: Tensor
    items: Tensor
    scores: Tensor
    labels: Tensor


@dataclass(frozen=True)
class MetricContext:
    """What a metric may know of the split.

    Args:
        n_users: users with a training interaction.
        catalogue: (C,) int64, the items that can be recommended.
        train_users_per_item: (I,) int64, distinct training users of every item.
        item_features: (I, F) float32 or None: rows to measure distances between items.
    """

    n_users: int
    catalogue: Tensor
    train_users_per_item: Tensor
    item_features: Tensor | None = None


class UserMetric(Protocol):
    """A metric with one value a user, averaged over users.

    It may have a method ``expected(lists, ties, k)`` beside, from :class:`Lists` and :class:`Ties` to (B,) float64: the
    mean of ``per_user`` over all orders of equal scores. One without is averaged over a few random orders.
    """

    Config: ClassVar[type]
    over: ClassVar[Literal["users"]]
    higher_is_better: ClassVar[bool]

    def __init__(self, config: Any, context: MetricContext) -> None: ...

    def per_user(self, lists: Lists, k: int) -> Tensor:
        """(B,) float64, the metric at cut ``k``; NaN where it is not defined for a user."""
        ...


class CatalogueMetric(Protocol):
    """A metric of how often each item was recommended."""

    Config: ClassVar[type]
    over: ClassVar[Literal["catalogue"]]
    higher_is_better: ClassVar[bool]

    def __init__(self, config: Any, context: MetricContext) -> None: ...

    def value(self, counts: Tensor) -> float:
        """The metric, from (I,) int64: in how many lists, cut at K, each item stands."""
        ...


class RowMetric(Protocol):
    """A metric over labelled rows.

    ``labels`` says what ``Rows.labels`` holds: "binary", 1 for a positive row, 0 for a negative; "rating", the rating.
    """

    Config: ClassVar[type]
    over: ClassVar[Literal["rows"]]
    labels: ClassVar[Literal["binary", "rating"]]
    higher_is_better: ClassVar[bool]

    def __init__(self, config: Any, context: MetricContext) -> None: ...

    def value(self, rows: Rows) -> float: ...


class Need(StrEnum):
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
    """A model with ``Capability.EMBEDS``; where a teacher is needed too, it embeds as well."""
    READERS = "readers"
    """A model that says how it reads its tables (``rexp.nn.coupling``)."""
    DOT = "dot"
    """A model that reads its tables as one dot product and in no other way (``rexp.nn.coupling.DotReader``)."""
    HIDDEN = "hidden"
    """A model that says which units its layers hide (``rexp.nn.coupling.HiddenUnits``)."""
    INITIAL = "initial"
    """The weights that the model started from."""
    FEATURES = "features"
    """A model that reads at least one feature (``rexp.nn.feature_embedding.FeatureVectors``)."""
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

    def user_vectors(self, users: Tensor) -> Tensor:
        """(B, D) vectors of ``users`` (B,), without a gradient; for a teacher that embeds."""
        ...

    def item_vectors(self, items: Tensor) -> Tensor:
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


class Step(Protocol):
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

    def user_vectors(self, users: Tensor) -> Tensor:
        """(B, D) the model's vectors of ``users`` (B,), with their gradient."""
        ...

    def item_vectors(self, items: Tensor) -> Tensor:
        """(B, D) the model's vectors of ``items`` (B,), with their gradient."""
        ...

    def score(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K), with their gradient."""
        ...

    def objective(self, model: Any, /) -> Tensor:
        """What the batch costs another model by the fit's own loss, with that model's penalty."""
        ...


class Attached(Protocol):
    """A stage at work inside a fit: an ``nn.Module``, whose parameters are a group of the optimiser and are discarded
    with it."""

    def loss(self, step: Step) -> Mapping[str, Tensor]:
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
    needs: ClassVar[frozenset[Need]]
    trainable_after: ClassVar[bool]
    """A fit may follow; never after whole numbers have taken the place of weights."""
    modules: ClassVar[Mapping[str, type]]

    def __init__(self, config: Any) -> None: ...


class Retriever(Protocol):
    """An index of item vectors that finds candidates."""

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def build(self, vectors: np.ndarray[Any, Any]) -> None:
        """Index (I, D) float32 item vectors; item i is row i."""
        ...

    def search(self, queries: np.ndarray[Any, Any], n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Scores (B, n) float32, best first, and items (B, n) int64, -1 where fewer are found, of (B, D) queries."""
        ...

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        ...

    def load(self, path: Path) -> None:
        """Take the index from a file that :meth:`save` wrote, memory-mapped where the index allows it."""
        ...


@dataclass(frozen=True)
class RunInfo:
    """What a tracker is told of the run it follows."""

    run_id: str
    directory: Path
    config: Mapping[str, Any]
    labels: Mapping[str, str]
    group: str | None = None


class Tracker(Protocol):
    """Sends numbers somewhere; a failure is one warning and never ends a run."""

    Config: ClassVar[type]

    def __init__(self, config: Any, run: RunInfo) -> None: ...

    def log(self, values: Mapping[str, float], epoch: int) -> None: ...

    def finish(self, summary: Mapping[str, Any], status: str) -> None: ...

"""Options of the evaluation (imports no torch, so that a configuration can be checked without it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rexp.errors import ConfigError, did_you_mean
from rexp.plugins.options import Node  # noqa: TC001  the options are read with their types

if TYPE_CHECKING:
    from rexp.data.types import Catalogue

ORDER = ("train", "valid", "test")
OF_TARGETS: Mapping[str, Catalogue] = {"warm": "train", "cold": "cold"}
"""The catalogue whose items ``evaluate.targets`` counts."""


@dataclass
class CandidatesConfig:
    """Negative sampling of the protocol ``sampled``; all of it is part of the protocol's identity.

    Args:
        n: negatives of each user; a user with fewer items left to draw gets those, which is said and counted.
        seed: seed of the draw, which depends on seed, user and item only.
        sampler: "uniform", or "popularity": in proportion to the item's training users.
        exclude: parts whose items are never drawn for their user; the user's targets are never drawn either.
        replace: draw with replacement, so that one negative may count several times.
    """

    n: int = 99
    seed: int = 0
    sampler: Literal["uniform", "popularity"] = "uniform"
    exclude: list[str] = field(default_factory=lambda: ["train", "valid"])
    replace: bool = False


@dataclass
class DecisionConfig:
    """From which probability on a row is decided positive, by metrics of decisions such as f1 ("pointwise").

    Args:
        by: "fixed": from each metric's own threshold on, 0.5 unless ``evaluate.options`` says otherwise. Else the
            threshold is chosen on the validation rows and holds for all of them: the highest "f1", "accuracy" or
            "balanced_accuracy"; with "precision" as many positives as that precision allows; with "recall" as few as
            that recall allows.
        at_least: that precision, or recall.
    """

    by: Literal["fixed", "f1", "accuracy", "balanced_accuracy", "precision", "recall"] = "fixed"
    at_least: float | None = None

    def __post_init__(self) -> None:
        if (self.by in ("precision", "recall")) != (self.at_least is not None):
            raise ValueError(f"by={self.by} and at_least={self.at_least}: by=precision and by=recall alone have one")
        if self.at_least is not None and not 0 < self.at_least <= 1:
            raise ValueError(f"at_least={self.at_least} must be above 0 and at most 1")


@dataclass
class EvaluateConfig:
    """Evaluation protocol, cuts and metrics.

    Args:
        protocol: "full" ranks the whole catalogue, "candidates" the data's own candidates, "sampled" drawn ones,
            "two_stage" what a retriever finds of the catalogue, "pointwise" scores the rows of the part; "auto" takes
            what the data was published with.
        metrics: metrics of ranked lists, by name.
        row_metrics: metrics of the protocol "pointwise", by name.
        k: cuts of the lists.
        mask: parts whose items are never recommended to their user in the full ranking and in two stages; only
            those before the part that is measured.
        history: parts a sequential model may see; only those before the part that is measured.
        catalogue: what can be recommended: "train", items with a training interaction, "all" of the vocabulary, or
            "cold", items without one.
        targets: which interactions of the part count: "all", or those with "warm" or "cold" items alone. What else a
            user took in the part is then not relevant, though it may be recommended.
        context: in what context lists are ranked, where the data has some: "target", that of the row that is asked for,
            a list for each context of a user's rows; "latest", that of the user's last training row; "none". "auto"
            takes "target", and "latest" in two stages. Rows are always scored in their own ("pointwise").
        users: how many of the users with a target are ranked for, drawn once by ``users_seed``; null takes all of them.
            The means are estimates then, and the result tells their 95 % intervals.
        users_seed: of that draw, which depends on seed and user only.
        ties: who comes first of equal scores: "item_id", the lower dense id; "pessimistic", what is not relevant;
            "expected", the mean over all orders, for metrics without a formula over a few random ones.
        candidates: the draw of the protocol "sampled".
        threshold: the rating from which on a row is a positive one ("pointwise"); null where ratings are 0 and 1.
        clip: metrics of ratings read a score within the range of the training ratings ("pointwise").
        calibrate: what metrics of 0/1 labels read ("pointwise"): "none", the scores; "platt" or "isotonic", the scores
            as probabilities by a map that is fitted on the validation rows.
        decision: the threshold of decisions.
        item_features: column of the items' table that metrics of diversity measure distances by, such as "genres".
        options: options of a metric by its name, such as ``{f1: {threshold: 0.3}}``.
        latency_users: users who are served one at a time to take the time of both stages ("two_stage"); 0 takes none.
        block_bytes: bound on the scores held at once; results do not depend on it.
    """

    protocol: Literal["auto", "full", "candidates", "sampled", "two_stage", "pointwise"] = "auto"
    metrics: list[str] = field(
        default_factory=lambda: [
            "ndcg", "recall", "hr", "mrr", "map", "precision", "coverage", "gini", "novelty",
        ]
    )  # fmt: skip
    row_metrics: list[str] = field(default_factory=lambda: ["auc", "gauc", "logloss"])
    k: list[int] = field(default_factory=lambda: [10])
    mask: list[str] = field(default_factory=lambda: ["train", "valid"])
    history: list[str] = field(default_factory=lambda: ["train", "valid"])
    catalogue: Literal["train", "all", "cold"] = "train"
    targets: Literal["all", "warm", "cold"] = "all"
    context: Literal["auto", "target", "latest", "none"] = "auto"
    users: int | None = None
    users_seed: int = 0
    ties: Literal["item_id", "expected", "pessimistic"] = "item_id"
    candidates: CandidatesConfig = field(default_factory=CandidatesConfig)
    threshold: float | None = None
    clip: bool = False
    calibrate: Literal["none", "platt", "isotonic"] = "none"
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    item_features: str | None = None
    options: Node = field(default_factory=dict)
    latency_users: int = 200
    block_bytes: int = 64 * 2**20


def check(config: EvaluateConfig) -> None:
    """Refuse what no evaluation can use.

    Raises:
        ConfigError: naming the key, its value and what it may be.
    """
    if not config.k or any(k < 1 for k in config.k):
        raise ConfigError(f"evaluate.k is {config.k}: give one or more cuts of at least 1, such as [10, 20]")
    if config.candidates.n < 1:
        raise ConfigError(f"evaluate.candidates.n is {config.candidates.n}: at least one negative must be drawn")
    if config.users is not None and config.users < 1:
        raise ConfigError(f"evaluate.users is {config.users}: draw at least one user, or null for all")
    if config.latency_users < 0:
        raise ConfigError(f"evaluate.latency_users is {config.latency_users}: give 0 or more users")
    if config.block_bytes < 1:
        raise ConfigError(f"evaluate.block_bytes is {config.block_bytes}: give a positive number of bytes")
    lists = {"mask": config.mask, "history": config.history, "candidates.exclude": config.candidates.exclude}
    for key, parts in lists.items():
        unknown = sorted(set(parts) - {"train", "valid"})
        if unknown:
            raise ConfigError(f"evaluate.{key} has '{unknown[0]}': it takes the parts train and valid")
    _check_metrics(config)


def _check_metrics(config: EvaluateConfig) -> None:
    """Something is measured, and no option is of a metric that is not."""
    asked = {} if config.protocol == "pointwise" else {"metrics": config.metrics}
    if config.protocol in ("auto", "pointwise"):
        asked["row_metrics"] = config.row_metrics
    for key, names in asked.items():
        if not names:
            raise ConfigError(f"evaluate.{key} is empty: name one metric or more; rexp plugins --kind metric has them")
    known = {name for names in asked.values() for name in names}
    for name in config.options:
        if name not in known:
            keys = " or ".join(f"evaluate.{key}" for key in asked)
            raise ConfigError(f"evaluate.options has '{name}', which is not in {keys}; {did_you_mean(name, known)}")


def parts_before(parts: list[str], part: str) -> list[Any]:
    """The members of ``parts`` that precede ``part`` in time.

    >>> parts_before(["valid", "train"], "test")
    ['train', 'valid']
    >>> parts_before(["train", "valid"], "valid")
    ['train']
    """
    return [name for name in ORDER[: ORDER.index(part)] if name in parts]

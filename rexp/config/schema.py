"""The root of every configuration, typed; what a plugin's node may hold is the plugin's own ``Config``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rexp.plugins.options import Node  # noqa: TC001  the options are read with their types
from rexp.prepare.filter_config import FilterConfig


@dataclass
class Paths:
    """Folders; never part of a run's identity.

    Args:
        store: folder of runs.
        data: folder of data sets that may not be redistributed, by default ``$REXP_DATA``.
        cache: folder of prepared splits; null puts it into the store.
    """

    store: str = "./runs"
    data: str | None = "${oc.env:REXP_DATA,null}"
    cache: str | None = None


@dataclass
class Compress:
    """A recipe: named stages and the order in which they run; ``fit`` and ``finetune`` are reserved words there.

    Args:
        order: the steps; a list within it is one fit, with the stages that act inside it.
        stages: the stages by a key of one's own; ``name`` is the plugin's.
        finetune: what a fine-tune does otherwise than the fit: keys of the training recipe.
        control_run: leave out what distils and what prunes: the same steps and epochs without it, to compare with.
    """

    order: list[Any] = field(default_factory=lambda: ["fit"])
    stages: Node = field(default_factory=dict)
    finetune: Node = field(default_factory=lambda: {"max_epochs": 5})
    control_run: bool = False


@dataclass
class Measure:
    """Latency measurement of a finished run; never part of its identity.

    Args:
        latency: time its answers, on the CPU, in a process of their own.
        candidates: how many candidates of a user are scored at once, one measurement each.
        repeats: requests of each size.
    """

    latency: bool = True
    candidates: list[int] = field(default_factory=lambda: [1, 100, 4096])
    repeats: int = 200


def _every_data_set() -> Node:
    """What every data set's node has, whether its own file says so or not."""
    return {"strict": False, "features": {}, "filter": asdict(FilterConfig())}


@dataclass
class Root:
    """Root of the configuration.

    Args:
        seed: of initial weights, shuffling, negatives and dropout.
        force: run again although the store has the result.
        on_error: what a sweep does after a job that failed: ``continue``, or ``stop``.
        model, data, ...: nodes of the groups of the same name.
        loss, sampler: null takes the model's own.
        teacher: a model node, or null.
        teachers: further teachers by a key of one's own, each a model node.
        ensemble: how the scores of several teachers become one: their ``mean``, or that of their ``standardized``
            scores, weighed by how sure each is of a user (``by_user``) or of a user's item (``by_pair``); ``auto``
            standardizes where that can be done.
        measure: what is measured of the finished run.
        references: models that a single run's table shows for reference, each an ordinary stored run; null takes ease
            (of small catalogues) and pop, or mean and bias where a metric of ratings is measured.
        tags: free words that go to the trackers.
    """

    seed: int = 0
    force: bool = False
    on_error: str = "continue"
    paths: Paths = field(default_factory=Paths)
    data: Any = field(default_factory=_every_data_set)
    model: Any = None
    teacher: Any = None
    teachers: Node = field(default_factory=dict)
    ensemble: str = "auto"
    loss: Any = None
    sampler: Any = None
    train: Any = None
    retriever: Any = None
    evaluate: Any = None
    compress: Compress = field(default_factory=Compress)
    measure: Measure = field(default_factory=Measure)
    track: Any = None
    references: list[str] | None = None
    tags: list[str] = field(default_factory=list)

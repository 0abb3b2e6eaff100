"""The first of two stages, as a configuration names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexp.api import Requirement
from rexp.errors import ConfigError
from rexp.plugins.choice import Choice
from rexp.plugins.options import from_options
from rexp.store.result import SELF

if TYPE_CHECKING:
    from rexp.config.job import Request
    from rexp.config.teachers import Teachers
    from rexp.plugins.options import Node
    from rexp.store.store import Store

RESERVED = ("from", "n_candidates", "ranker")
TEACHER = "teacher"
"""``retriever.ranker=teacher``: who taught the run's own model ranks what that retrieves."""


@dataclass(frozen=True)
class Retrieving:
    """The first of two stages, typed.

    Args:
        choice: the retriever and its options.
        n_candidates: candidates of a user.
        source: run whose model's vectors are indexed, "item_features", or None for the run's own model.
        ranker: run whose model ranks; None for the run's own model.
    """

    choice: Choice
    n_candidates: int
    source: str | None
    ranker: str | None

    def plain(self) -> Node:
        """Plain values, as the stored configuration has them."""
        own = {"n_candidates": self.n_candidates, "from": self.source, "ranker": self.ranker}
        return {"name": self.choice.name, **own, **self.choice.to_dict()}


@dataclass
class RetrieverNode:
    """Retriever settings other than the plugin's own options; ``source`` is the key ``from``."""

    source: str | None = None
    n_candidates: int = 100
    ranker: str | None = None

    def __post_init__(self) -> None:
        if self.n_candidates < 1:
            raise ValueError(f"n_candidates={self.n_candidates} must be 1 or more")


def typed_retriever(node: Node) -> tuple[RetrieverNode, Choice]:
    """What every retriever's node holds, and the plugin with its own options.

    Raises:
        ConfigError: see :func:`rexp.plugins.options.from_options`.
    """
    said = {key.replace("from", "source"): node[key] for key in RESERVED if key in node}
    return from_options(RetrieverNode, said, "retriever"), Choice.of("retriever", node, "retriever", RESERVED)


def plan_retrieval(
    request: Request, store: Store, teaching: Teachers, notices: list[str], *, sweeping: bool
) -> Retrieving | None:
    """The retriever's node, typed, where the protocol has a use for it."""
    node = request.retriever
    if request.evaluate.protocol != "two_stage":
        if node is not None:
            text = f"retriever={node['name']} is used by evaluate=two_stage alone"
            if not sweeping:
                raise ConfigError(f"{text}; add that, or leave it out")
            notices.append(text)
        return None
    if node is None:
        raise ConfigError("evaluate=two_stage needs a retriever; choose one with retriever=flat")
    reserved, choice = typed_retriever(node)
    source = reserved.source if reserved.source in (None, "item_features") else store.resolve(reserved.source)
    ranker = None if reserved.ranker is None else _ranker(reserved.ranker, request, store, teaching)
    return Retrieving(choice, reserved.n_candidates, source, ranker)


def _ranker(named: str, request: Request, store: Store, teaching: Teachers) -> str:
    """The run that ranks; of a teacher that is still to be trained, :data:`TEACHER`."""
    if named != TEACHER:
        return store.resolve(named)
    recipe, nodes = request.recipe, request.teachers.values()
    runs = [node for node in nodes if node.get("from") != SELF]
    n_runs = len(runs) if recipe.needs_teacher and not recipe.needs(Requirement.ONLINE) else 0
    if n_runs != 1:
        raise ConfigError(
            f"retriever.ranker={TEACHER} needs one teacher that is a run, and here are {n_runs}; choose a recipe "
            "with one (compress=svd_of_teacher), or name a run"
        )
    return next((teacher.run for teacher in teaching.runs if teacher.run != SELF), TEACHER)

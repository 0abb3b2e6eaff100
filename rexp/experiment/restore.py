"""A finished run brought back: its split and its model, as they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.api import Capability, adopt_embeddings
from rexp.compress.surgery import restore
from rexp.config.plan import give_parts
from rexp.errors import ConfigError, DataError
from rexp.plugins.choice import Choice
from rexp.prepare.prepare import load_split
from rexp.store.installed import check_installed
from rexp.store.weights import load_state

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.data.split import Split
    from rexp.io.json_types import JsonView
    from rexp.store.result import RunResult
    from rexp.store.store import Store


def load_run_split(result: RunResult, data_root: Path | None, cache: Path) -> Split:
    """The split that a finished run was trained on.

    Args:
        result: the run's, as the store holds it.
        data_root: the data folder, for the data sets that are read from it.
        cache: folder of prepared splits.

    Raises:
        DataError: the data has changed since, so that its ids may mean other users and items.
    """
    split = load_split(dict(result.config["data"]), data_root, cache)
    if split.fingerprint != result.fingerprint:
        raise DataError(
            f"run {result.run_id} was made from other data than '{split.name}' holds now; run its command again"
        )
    return split


def load_model(store: Store, run: str, split: Split, role: str) -> RecommenderModule:
    """A finished run's model, built from its typed configuration, with its weights.

    Args:
        store: where it lies.
        run: its id, or the beginning of it.
        split: the data it is wanted for.
        role: the key that names the run, for the message: ``model.init_from``.

    Raises:
        DataError: it was trained on other data.
        StoreError: there is no such finished run, or its weights are damaged.
    """
    run = store.resolve(run)
    result = store.result(run)
    check_installed(store, run)
    if result.fingerprint != split.fingerprint:
        raise DataError(f"{role} names run {run}, which was trained on other data; its ids mean other items")
    parts = {part: load_model(store, part, split, f"run {run}, which is made of") for part in result.runs}
    model = build_model(result.model_config, split, role, parts)
    restore(model, result.parts)
    load_state(model, store.directory(run))
    return model.eval()


def load_parts(node: JsonView, store: Store, split: Split, where: str) -> dict[str, RecommenderModule]:
    """The models of the runs that a model's node names as its parts, by the runs' ids.

    Raises:
        ConfigError: they are no list of runs, or one is named twice.
        DataError, StoreError: as of :func:`load_model`.
    """
    named = node.get("runs") or []
    if not isinstance(named, list):
        raise ConfigError(f"{where}.runs={named!r} is no list of runs, such as [3f2a,91bc]")
    runs = [store.resolve(str(run)) for run in named]
    if len(set(runs)) < len(runs):
        raise ConfigError(f"{where}.runs names run {max(runs, key=runs.count)} twice")
    return {run: load_model(store, run, split, f"{where}.runs") for run in runs}


def build_model(
    node: JsonView, split: Split, where: str, parts: Mapping[str, RecommenderModule] | None = None
) -> RecommenderModule:
    """A model with initial weights, which has seen what it reads of the training part.

    Args:
        node: its ``name`` and options.
        split: the data.
        where: the key of the node, for messages.
        parts: models that it is made of, by their runs.
    """
    choice = Choice.of("model", node, where)
    model: RecommenderModule = choice.make(split.spec)
    adopt_embeddings(model)
    give_parts(model, parts or {}, choice.name, where)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(split)
    return model

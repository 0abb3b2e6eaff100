"""Finished runs from Python: their table, models, data and recommendations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.io.messages import messages_shown_by_default
from rexp.store.installed import check_installed
from rexp.store.result import RunResult
from rexp.store.store import Store

if TYPE_CHECKING:
    import polars as pl
    from torch import nn

    from rexp.data.split import Split
    from rexp.data.types import Catalogue, Part
    from rexp.evaluate.result import Evaluation

Place = str | Path
DEFAULT_STORE = "runs"


@messages_shown_by_default()
def results(store: Place = DEFAULT_STORE) -> pl.DataFrame:
    """The finished runs of a store, one row a run; ``results().to_pandas()`` where pandas is wanted.

    Args:
        store: the folder of runs.
    """
    from rexp.report.frame import results_frame

    return results_frame(Store(Path(store)))


@messages_shown_by_default()
def load_split(
    run: str | RunResult | Sequence[str], *, store: Place = DEFAULT_STORE, data: Place | None = None
) -> Split:
    """The data that a finished run was trained and measured on, or that overrides describe.

    Args:
        run: its id, the beginning of it, or what :func:`rexp.run` returned; or overrides in a list:
            ``["data=movietweetings"]``, which name their folders themselves.
        store: the folder of runs.
        data: the folder of data sets; by default ``$REXP_DATA``.

    Raises:
        StoreError: there is no such run.
        DataError: the data cannot be used, or has changed since.
    """
    from rexp.config.job import read
    from rexp.experiment.measure_client import data_folder
    from rexp.experiment.restore import load_run_split
    from rexp.prepare import prepare
    from rexp.python.jobs import compose_jobs

    if not isinstance(run, str | RunResult):
        request = read(compose_jobs([run])[0])
        return prepare.load_split(request.data, request.data_root, request.cache)
    place, name = _find(run, store)
    check_installed(place, name)
    root = data_folder(None if data is None else Path(data))
    return load_run_split(place.result(name), root, place.root / ".data")


@messages_shown_by_default()
def load_model(run: str | RunResult, store: Place = DEFAULT_STORE, *, data: Place | None = None) -> nn.Module:
    """A finished run's model with its weights, in evaluation mode, on the CPU.

    Args:
        run: its id, the beginning of it, or what :func:`rexp.run` returned.
        store: the folder of runs.
        data: the folder of data sets; by default ``$REXP_DATA``.

    Raises:
        StoreError: there is no such run, or its weights are damaged.
        DataError: the data has changed since.
    """
    from rexp.experiment import restore

    place, name = _find(run, store)
    return restore.load_model(place, name, load_split(name, store=store, data=data), "load_model")


@messages_shown_by_default()
def recommend(
    run: str | RunResult,
    users: Sequence[str | int] | None = None,
    k: int = 10,
    *,
    mask: Sequence[Part] = ("train", "valid"),
    catalogue: Catalogue = "train",
    store: Place = DEFAULT_STORE,
    data: Place | None = None,
) -> pl.DataFrame:
    """The best items of the whole catalog that the users do not have yet, by a finished run; a model that reads
    contexts recommends in that of each user's last training row.

    Args:
        run: its id, the beginning of it, or what :func:`rexp.run` returned.
        users: their own ids; None or none for all.
        k: items of a list, cut to the catalog.
        mask: parts whose items are not recommended again, and which a model of sequences reads.
        catalogue: items with a training interaction ("train"), all ("all"), or those without one alone ("cold").
        store: the folder of runs.
        data: the folder of data sets; by default ``$REXP_DATA``.

    Returns:
        One row a recommendation: ``user``, ``rank`` from 1, ``item``, ``title`` where the data has them, ``score``.

    Raises:
        ConfigError: there is no such user, or k is below 1.
        StoreError, DataError: as of :func:`load_model`.
    """
    if k < 1:
        raise ConfigError(f"k={k}: a list has at least one item")
    import torch

    from rexp.evaluate.top_items import top_items
    from rexp.experiment import restore
    from rexp.experiment.recommendations import dense_users, recommendation_frame

    place, name = _find(run, store)
    split = load_split(name, store=store, data=data)
    wanted = dense_users(split, [str(user) for user in users or ()])
    model = restore.load_model(place, name, split, "recommend")
    items, scores = top_items(model, split, torch.from_numpy(wanted), min(k, split.n_items), mask, catalogue=catalogue)
    return recommendation_frame(split, wanted, items, scores)


@messages_shown_by_default()
def evaluate_model(model: nn.Module, overrides: Sequence[str] = (), *, part: Part = "test") -> Evaluation:
    """Measure a model that lies in memory, whoever trained it, by the same rules as runs.

    Args:
        model: has ``capabilities()`` and ``score(query, items)`` (see :class:`rexp.api.Model`); users and items are the
            dense ids of the data.
        overrides: data and rules, as on the command line: ``["data=movietweetings", "evaluate.k=[10,20]"]``.
        part: "test" or "valid", whose interactions are the targets.

    Returns:
        ``.metrics`` by name, ``.per_user`` values, and in ``.facts`` the rules that they were measured under.

    Raises:
        ConfigError: the rules, or a model that lacks what they need.
        RunError: the model gives NaN.
    """
    from rexp.config.job import read
    from rexp.evaluate.evaluator import evaluate
    from rexp.prepare import prepare
    from rexp.python.jobs import compose_jobs

    for method in ("capabilities", "score"):
        if not callable(getattr(model, method, None)):
            raise ConfigError(f"{type(model).__name__} has no method {method}(); rexp.api.Model says what a model has")
    request = read(compose_jobs([overrides])[0])
    if request.evaluate.protocol == "two_stage":
        raise ConfigError("evaluate=two_stage measures a stored run; take evaluate=full for a model in memory")
    split = prepare.load_split(request.data, request.data_root, request.cache)
    return evaluate(model, split, request.evaluate, part)


def _find(run: str | RunResult, store: Place) -> tuple[Store, str]:
    """The store, and the whole id of one of its runs."""
    place = Store(Path(store))
    return place, place.resolve(run if isinstance(run, str) else run.run_id)

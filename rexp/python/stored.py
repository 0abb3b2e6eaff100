"""Finished runs from Python: their models, data and recommendations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import torch

from rexp.config.job import read
from rexp.data.types import CATALOGUES, PARTS
from rexp.errors import ConfigError, check_choice
from rexp.evaluate.top_items import top_items
from rexp.experiment import restore
from rexp.experiment.explanations import explain_lists, installed_explainer, reasons_in_words
from rexp.experiment.measure_client import data_folder
from rexp.experiment.recommendations import dense_users, recommendation_frame
from rexp.io.messages import messages_shown_by_default
from rexp.io.paths import at_home
from rexp.prepare import prepare
from rexp.python.jobs import compose_jobs
from rexp.python.table import DEFAULT_STORE, Place
from rexp.store.installed import check_installed
from rexp.store.result import RunResult
from rexp.store.store import Store

if TYPE_CHECKING:
    from torch import nn

    from rexp.data.split import Split
    from rexp.data.types import Catalogue, Part


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
    if not isinstance(run, str | RunResult):
        request = read(compose_jobs([run])[0])
        return prepare.load_split(request.data, request.data_root, request.cache)
    place, name = _find(run, store)
    check_installed(place, name)
    root = data_folder(None if data is None else Path(data))
    return restore.load_run_split(place.result(name), root, place.root / ".data")


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
    place, name = _find(run, store)
    return restore.load_model(place, name, load_split(name, store=store, data=data), "load_model")


@messages_shown_by_default()
def recommend(
    run: str | RunResult,
    users: Iterable[str | int] | None = None,
    k: int = 10,
    *,
    mask: Sequence[Part] = ("train", "valid"),
    catalogue: Catalogue = "train",
    explain: bool = False,
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
        explain: say why, by the installed plugin that explains.
        store: the folder of runs.
        data: the folder of data sets; by default ``$REXP_DATA``.

    Returns:
        One row a recommendation: ``user``, ``rank`` from 1, ``item``, ``title`` where the data has them, ``score``;
        with ``explain`` also ``why``: the strongest reasons, and what each adds to the score.

    Raises:
        ConfigError: there is no such user, part or catalogue, k is below 1, or nothing installed explains such a model.
        StoreError, DataError: as of :func:`load_model`.
    """
    if k < 1:
        raise ConfigError(f"k={k}: a list has at least one item")
    check_choice("catalogue", catalogue, CATALOGUES)
    if isinstance(users, str | int) or isinstance(mask, str):
        raise ConfigError("users and mask are lists: users=['7'], mask=['train']")
    for part in mask:
        check_choice("mask", part, PARTS)
    explainer = installed_explainer() if explain else None
    place, name = _find(run, store)
    split = load_split(name, store=store, data=data)
    wanted = dense_users(split, [] if users is None else [str(user) for user in users])
    model = restore.load_model(place, name, split, "recommend")
    items, scores = top_items(model, split, torch.from_numpy(wanted), min(k, split.n_items), mask, catalogue=catalogue)
    frame = recommendation_frame(split, wanted, items, scores)
    if explainer is None:
        return frame
    why = [reasons_in_words(found) for found in explain_lists(explainer, model, split, wanted, items, mask)]
    return frame.with_columns(pl.Series("why", why, pl.String))


def _find(run: str | RunResult, store: Place) -> tuple[Store, str]:
    """The store, and the whole id of one of its runs."""
    place = Store(at_home(store))
    return place, place.resolve(run if isinstance(run, str) else run.run_id)

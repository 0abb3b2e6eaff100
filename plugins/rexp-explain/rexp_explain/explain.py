"""Explanations of stored runs, and of models that lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

import rexp
from rexp.api import Capability, ConfigError, Explanation, Query, Reason, did_you_mean
from rexp_explain.attention import attention_weights
from rexp_explain.gradients import has_fields, integrated_gradients
from rexp_explain.history import additive, items_of, leave_one_out

if TYPE_CHECKING:
    import polars as pl

    from rexp.api import Split

By = Literal["auto", "history", "fields", "attention"]


def explain(
    run: str,
    user: str | int,
    item: str | int | None = None,
    *,
    by: By = "auto",
    store: str | Path = "runs",
    data: str | Path | None = None,
) -> Explanation:
    """Why a finished run recommends an item to a user.

    Args:
        run: its id, or the beginning of it.
        user: the user's own id.
        item: the item's own id; None takes the best one that the user does not have.
        by: ``history``, ``fields`` or ``attention``; ``auto`` takes fields where the model reads features, else the
            history.
        store: the folder of runs.
        data: the folder of data sets; by default ``$REXP_DATA``.

    Raises:
        ConfigError: no such user or item, or a model that does not say.
        StoreError, DataError: as of :func:`rexp.load_model`.
    """
    split = rexp.load_split(run, store=store, data=data)
    row = _place(split.user_ids(), user, "user", split.name)
    column = None if item is None else _place(split.items_table()["item"], item, "item", split.name)
    return explain_model(rexp.load_model(run, store, data=data), split, row, column, by=by)


def explain_model(model: Any, split: Split, user: int, item: int | None = None, *, by: By = "auto") -> Explanation:
    """The same of a model in memory, by dense ids.

    Args:
        model: in evaluation mode, on the CPU, bound to the split where it needs that.
        split: the data it was trained on.
        user: dense id.
        item: dense id; None takes the best one that the user does not have.
        by: see :func:`explain`.

    Raises:
        ConfigError: the model reads neither fields nor the history, or the user has none.
    """
    query = _query(model, split, user)
    if item is None:
        with torch.no_grad():
            item = _best(model, split, query)
    return explain_query(model, split, query, item, by=by)


def explain_query(model: Any, split: Split, query: Query, item: int, *, by: By = "auto") -> Explanation:
    """The same of a query that is at hand.

    Args:
        model, split: see :func:`explain_model`.
        query: of one user, with the history and the context that the model reads.
        item: dense id.
        by: see :func:`explain`.

    Raises:
        ConfigError: see :func:`explain_model`.
    """
    with torch.no_grad():
        score = float(model.score(query, torch.tensor([item])))
    fields = has_fields(model) or hasattr(model, "contributions")
    if by == "fields" and not fields:
        raise ConfigError(f"{type(model).__name__} reads no fields; take by=history")
    chosen = ("fields" if fields else "history") if by == "auto" else by
    find = {"fields": _fields, "history": _history, "attention": _attention}[chosen]
    method, base, reasons = find(model, split, query, item, score)
    table = split.items_table()
    owner = str(split.user_ids()[int(query.users[0])])
    kind: Literal["fields", "history"] = "fields" if chosen == "fields" else "history"
    return Explanation(owner, str(table["item"][item]), _cell(table, "title", item), score, kind, method, base, reasons)


Found = tuple[str, float | None, tuple[Reason, ...]]


def _history(model: Any, split: Split, query: Query, item: int, score: float) -> Found:
    items = items_of(split, query)
    if not len(items):
        raise ConfigError(f"{split.user_name(int(query.users[0]))} has no items that the model knows of")
    with torch.no_grad():
        values, base, method = additive(model, query, item, items, score), 0.0, "exact contributions"
        if values is None:
            values = leave_one_out(model, split, query, item, items, score)
            return "leave-one-out", None, _named(split, items.tolist(), values.tolist())
    return method, base, _named(split, items.tolist(), values.tolist())


def _attention(model: Any, split: Split, query: Query, item: int, score: float) -> Found:
    items, weights = attention_weights(model, query, item)
    return "attention, mean of heads and blocks", None, _named(split, items.tolist(), weights.tolist())


def _named(split: Split, items: Sequence[int], values: Sequence[float]) -> tuple[Reason, ...]:
    table = split.items_table()
    reasons = [
        Reason(str(table["item"][item]), value, _cell(table, "title", item))
        for item, value in zip(items, values, strict=True)
    ]
    return tuple(sorted(reasons, key=lambda reason: -reason.value))


def _fields(model: Any, split: Split, query: Query, item: int, score: float) -> Found:
    if hasattr(model, "contributions"):
        found = {name: float(part) for name, part in model.contributions(query, torch.tensor([item])).items()}
        method, base = "SHAP values of the trees", found.pop("")
    else:
        found, base = integrated_gradients(model, query, item)
        method = "integrated gradients"
    table, user = split.items_table(), int(query.users[0])
    known = {"user": str(split.user_ids()[user]), "item": _cell(table, "title", item) or str(table["item"][item])}
    reasons = []
    for name, value in found.items():
        side, _, column = name.partition(".")
        text = known.get(name, "") if not column else _cell(table, column, item) if side == "item" else ""
        reasons.append(Reason(name, value, text))
    return method, base, tuple(sorted(reasons, key=lambda reason: -abs(reason.value)))


def _query(model: Any, split: Split, user: int) -> Query:
    """What a run is asked: training and validation history where the model reads one, and the latest context."""
    users, can = torch.tensor([user]), model.capabilities()
    history = None
    if Capability.SEQUENTIAL in can:
        history = split.query(users, ["train", "valid"], getattr(model, "history_length", None)).history
    if Capability.READS_CONTEXT not in can:
        return Query(users, history)
    context = split.train.latest_context(split.n_users)
    return Query(users, history, {name: torch.from_numpy(values[[user]].copy()) for name, values in context.items()})


def _best(model: Any, split: Split, query: Query) -> int:
    """The best item of those that training knows and the user does not have."""
    user = int(query.users[0])
    can = split.train_users_per_item > 0
    for part in (split.train, split.valid):
        can[part.items[part.users == user]] = False
    if not can.any():
        raise ConfigError(f"{split.user_name(user)} has all items; name the one that is to be explained")
    items = torch.from_numpy(np.flatnonzero(can))
    scores = model.score(query, items.unsqueeze(0))[0]
    return int(items[int(scores.argmax())])


def _place(ids: pl.Series, wanted: str | int, what: str, data: str) -> int:
    names = [str(name) for name in ids]
    if str(wanted) not in names:
        raise ConfigError(f"'{data}' has no {what} '{wanted}'; {did_you_mean(str(wanted), names)}")
    return names.index(str(wanted))


def _cell(table: pl.DataFrame, column: str, row: int) -> str:
    """What the data has of an item; "" where it has nothing."""
    value: Any = table[column][row] if column in table.columns else None
    if hasattr(value, "to_list"):
        value = value.to_list()
    if isinstance(value, list):
        return " | ".join(map(str, value)) if all(isinstance(one, str) for one in value) else ""
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

"""Checks of models that read histories: padding, empty histories, and the order of time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rexp.api import PADDING, Capability, Query
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.made_model import close, needs, query, ready, whole_catalog


def histories(subject: Subject) -> tuple[Any, Query, Tensor]:
    """A sequential model, all users with short histories, and the scores of the catalog."""
    model, split = ready(subject), subject.split
    needs(model, Capability.SEQUENTIAL)
    asked = query(model, split)
    assert asked.history is not None
    asked = replace(asked, history=asked.history[:, -4:])
    with torch.no_grad():
        return model, asked, model.score(asked, whole_catalog(split, split.n_users))


def padding(subject: Subject) -> None:
    model, asked, scores = histories(subject)
    assert asked.history is not None
    wider = torch.cat([torch.full((len(asked.users), 3), PADDING), asked.history], 1)
    with torch.no_grad():
        padded = model.score(replace(asked, history=wider), whole_catalog(subject.split, len(asked.users)))
    require(close(padded, scores), "three more places of padding in front change the scores")


def empty_history(subject: Subject) -> None:
    model, asked, _ = histories(subject)
    items = whole_catalog(subject.split, len(asked.users))
    with torch.no_grad():
        for width in (0, 1, 4):
            nothing = torch.full((len(asked.users), width), PADDING)
            scores = model.score(replace(asked, history=nothing), items)
            require(bool(scores.isfinite().all()), f"scores of a history of {width} places of padding are not finite")


def history_is_read(subject: Subject) -> None:
    model, asked, scores = histories(subject)
    assert asked.history is not None
    other = torch.where(asked.history == PADDING, PADDING, (asked.history + 1) % subject.split.n_items)
    with torch.no_grad():
        changed = model.score(replace(asked, history=other), whole_catalog(subject.split, len(asked.users)))
    require(not close(changed, scores), "SEQUENTIAL is stated, and other histories give the same scores")


def causal(subject: Subject) -> None:
    model, asked, _ = histories(subject)
    needs(model, Capability.SCORES_SEQUENCES)
    assert asked.history is not None
    users = slice(0, 6)
    history = asked.history[users]
    items = torch.arange(subject.split.n_items).repeat(*history.shape, 1)
    later = history.clone()
    later[:, -1] = (later[:, -1] + 1) % subject.split.n_items
    with torch.no_grad():
        first = model.score_sequence(_at_positions(asked, users, history), items)
        second = model.score_sequence(_at_positions(asked, users, later), items)
    require(first.shape == items.shape, f"score_sequence gives {tuple(first.shape)} of items {tuple(items.shape)}")
    require(close(first[:, :-1], second[:, :-1]), "a later item changes the scores of an earlier position")


def last_position(subject: Subject) -> None:
    model, asked, scores = histories(subject)
    needs(model, Capability.SCORES_SEQUENCES)
    assert asked.history is not None
    known = asked.history[:, -1] >= 0
    if not known.any():
        raise NotApplicable("no user has a history")
    items = torch.arange(subject.split.n_items).repeat(*asked.history.shape, 1)
    with torch.no_grad():
        sequence = model.score_sequence(_at_positions(asked, slice(None), asked.history), items)[:, -1]
    require(close(sequence[known], scores[known]), "the last position of score_sequence is scored otherwise by score")


def _at_positions(asked: Query, users: slice, history: Tensor) -> Query:
    """The query of a whole sequence, where every position has the user's context."""
    length = history.shape[1]
    features = {
        name: values[users].unsqueeze(1).expand(-1, length, *values.shape[1:])
        for name, values in asked.features.items()
    }
    return Query(asked.users[users], history, features)


AGAIN = ("model.repeatable",)
CHECKS = (
    Check("model.padding", "Histories of a batch are as wide as the longest of them.", padding, AGAIN),
    Check("model.empty-history", "A new user has no history.", empty_history, ("model.inputs-kept",)),
    Check(
        "model.history-is-read", "A model that states SEQUENTIAL is given histories at a cost.", history_is_read, AGAIN
    ),
    Check("model.causal", "A position that sees what follows learns the answer.", causal, AGAIN),
    Check("model.last-position", "What is trained must be what is asked for.", last_position, ("model.causal",)),
)

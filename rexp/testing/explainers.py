"""Checks of explainers, on small models of several families; those that one has nothing to say of are left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from rexp.api import ConfigError, Explanation, Query
from rexp.plugins import registry
from rexp.testing.check import Check, NotApplicable, Subject, require
from rexp.testing.made_model import query, ready, same, scored

MODELS = ("ease", "itemknn", "mf", "fm", "sasrec")
SINCE = (2, 1)
USERS, ITEMS = (0, 3), (1, 5)
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Asked:
    """A question that was answered.

    Args:
        model: that was asked about.
        query: of one user.
        user, item: dense ids.
        found: the answer.
    """

    model: Any
    query: Query
    user: int
    item: int
    found: Explanation


def explained(subject: Subject) -> Iterator[Asked]:
    """Answers, of every model that the explainer says something of."""
    explainer, any_of = subject.make(), False
    for name in MODELS:
        plugin = registry.load("model", name)
        model = ready(replace(subject, plugin=plugin, config=plugin.Config()))
        for user in USERS:
            asked = query(model, subject.split, torch.tensor([user]))
            for item in ITEMS:
                try:
                    found = explainer.explain(model, subject.split, asked, item)
                except ConfigError:
                    continue
                any_of = True
                yield Asked(model, asked, user, item, found)
    if not any_of:
        raise NotApplicable(f"it explains none of {', '.join(MODELS)}")


def record(subject: Subject) -> None:
    users, items = subject.split.user_ids(), subject.split.items_table()["item"]
    for asked in explained(subject):
        found = asked.found
        require(isinstance(found, Explanation), f"explain gives {type(found).__name__}, not an Explanation")
        ids = str(users[asked.user]), str(items[asked.item])
        require(
            (found.user, found.item) == ids, f"user and item are {(found.user, found.item)}, not their own ids {ids}"
        )
        with torch.no_grad():
            score = float(asked.model.score(asked.query, torch.tensor([asked.item])))
        require(
            math.isclose(found.score, score, rel_tol=1e-4, abs_tol=1e-5), f"the score is {score}, not {found.score}"
        )
        require(len(found.reasons) > 0, "there is no reason")
        values = [reason.value for reason in found.reasons]
        require(all(map(math.isfinite, values)), f"values are not finite: {values}")


def adds_up(subject: Subject) -> None:
    gaps = [(asked.found.gap, asked.found) for asked in explained(subject)]
    for gap, found in gaps:
        if gap is not None:
            size = max(1.0, sum(abs(reason.value) for reason in found.reasons))
            require(
                gap <= TOLERANCE * size, f"base and values miss the score by {gap:.2g}; give base=None where they may"
            )
    if all(gap is None for gap, _ in gaps):
        raise NotApplicable("no explanation states a base")


def repeatable(subject: Subject) -> None:
    for asked in explained(subject):
        again = subject.make().explain(asked.model, subject.split, asked.query, asked.item)
        require(again == asked.found, "the same question has another answer")


def leaves_the_model(subject: Subject) -> None:
    fresh: dict[str, Any] = {}
    for asked in explained(subject):
        name = type(asked.model).__name__
        if name not in fresh:
            fresh[name] = scored(ready(_of(subject, asked.model)), subject.split)
        require(same(scored(asked.model, subject.split), fresh[name]), f"{name} gives other scores afterwards")
        require(not asked.model.training, f"{name} is left in training mode")


def _of(subject: Subject, model: Any) -> Subject:
    return replace(subject, plugin=type(model), config=type(model).Config())


RECORD = "explainer.record"
CHECKS = (
    Check(RECORD, "Tables and pages show what it says under the users' and items' own ids.", record, (), SINCE),
    Check("explainer.adds-up", "Parts that do not add up to the score explain another one.", adds_up, (RECORD,), SINCE),
    Check("explainer.repeatable", "Who asks twice would get two reasons.", repeatable, (RECORD,), SINCE),
    Check(
        "explainer.leaves-the-model",
        "The next user would be asked of a model that has changed.",
        leaves_the_model,
        (RECORD,),
        SINCE,
    ),
)

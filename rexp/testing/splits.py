"""Checks of splits."""

from __future__ import annotations

from typing import Any

import numpy as np

from rexp.api import Interactions
from rexp.api.dataset import CHRONOLOGICAL, USES_GIVEN_PARTS
from rexp.testing.check import Check, Subject, require
from rexp.testing.process import no_global_chance

Array = np.ndarray[Any, Any]
PARTS = ("train", "valid", "test")


def everything(subject: Subject) -> Interactions:
    """30 rows of each of 12 users, in the order of the contract, with times at which several users act."""
    chance = np.random.default_rng(subject.seed)
    users, n = 12, 30
    items = np.concatenate([chance.permutation(40)[:n] for _ in range(users)]).astype(np.int32)
    times = np.tile(3600 * np.arange(n), users) + np.repeat(7200 * (np.arange(users) % 3), n)
    ratings = chance.integers(1, 6, users * n).astype(np.float32)
    return Interactions(np.repeat(np.arange(users, dtype=np.int32), n), items, ratings, times.astype(np.int64))


def masks(subject: Subject, interactions: Interactions) -> dict[str, Array]:
    """Each part as a mask."""
    rows = subject.make().split(interactions)
    found = {}
    for part in PARTS:
        chosen = np.asarray(getattr(rows, part))
        if chosen.dtype == bool:
            require(chosen.shape == (len(interactions),), f"{part} is a mask of the shape {chosen.shape}")
            found[part] = chosen
            continue
        require(chosen.ndim == 1 and (chosen.dtype.kind in "iu" or not len(chosen)), f"{part} is {chosen.dtype}")
        require(len(np.unique(chosen)) == len(chosen), f"{part} has a row twice")
        inside = not len(chosen) or (chosen.min() >= 0 and chosen.max() < len(interactions))
        require(bool(inside), f"{part} has a row beyond the {len(interactions)}")
        found[part] = np.isin(np.arange(len(interactions)), chosen)
    return found


def rows_once(subject: Subject) -> None:
    parts = masks(subject, everything(subject))
    twice = np.sum(list(parts.values()), axis=0) > 1
    require(not twice.any(), f"{int(twice.sum())} rows are in two parts")


def trains(subject: Subject) -> None:
    parts = masks(subject, everything(subject))
    require(bool(parts["train"].any()), "no row is left for training")
    given = USES_GIVEN_PARTS.of(subject.make())  # and so the publisher's own test part
    require(given or bool(parts["test"].any()), "no row is left for the test")


def repeatable(subject: Subject) -> None:
    interactions = everything(subject)
    with no_global_chance("split"):
        first = masks(subject, interactions)
    second = masks(subject, interactions)
    same = all(np.array_equal(first[part], second[part]) for part in PARTS)
    require(same, "a second split by the same options is another one; chance must come from an option")


def inputs_kept(subject: Subject) -> None:
    interactions, other = everything(subject), everything(subject)
    subject.make().split(interactions)
    for name in ("users", "items", "ratings", "times"):
        require(np.array_equal(getattr(interactions, name), getattr(other, name)), f"the split writes into {name}")


def chronological(subject: Subject) -> None:
    if not CHRONOLOGICAL.of(subject.make()):
        return
    interactions = everything(subject)
    assert interactions.times is not None
    parts = masks(subject, interactions)
    for user in np.unique(interactions.users):
        own = interactions.users == user
        train, test = (interactions.times[own & parts[part]] for part in ("train", "test"))
        if len(train) and len(test):
            require(bool(train.max() <= test.min()), f"chronological is stated, and user {user} is tested on the past")


ONCE = "split.rows-once"
CHECKS = (
    Check(ONCE, "A row of two parts is learned and then asked for.", rows_once),
    Check("split.trains", "Nothing can be learned, or nothing measured.", trains, (ONCE,)),
    Check("split.repeatable", "A split that differs each time compares nothing.", repeatable, (ONCE,)),
    Check("split.inputs-kept", "Whoever splits is not the only one who reads.", inputs_kept, (ONCE,)),
    Check("split.chronological", "The data report looks for leaks by this.", chronological, (ONCE,)),
)

"""Small data for checks: ratings, times, features, contexts, and ids that training has never met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.api import FeatureSpec, Interactions, Split
from rexp.prepare.build import Prepared
from rexp.prepare.cache import read_folder, write_folder
from rexp.prepare.features.tables import fit_tables

if TYPE_CHECKING:
    from rexp.data.types import Array, Side

N_USERS, N_ITEMS, TAKEN = 24, 20, 7
COLD_USER, COLD_ITEM = N_USERS - 1, N_ITEMS - 1
LOAD = FeatureSpec("context", "number", 0)


def tiny_split(folder: Path, seed: int = 0) -> Split:
    """24 users with two tastes and 20 items.

    The last user has no training row, and the last item is met in the test part alone. Everybody's latest item but one
    is in the validation part, the latest in the test part.

    Args:
        folder: takes the prepared split, with the tables of users and items, with features of each kind and a text.
        seed: of what is drawn.
    """
    chance = np.random.default_rng(seed)
    rows = []
    for user in range(N_USERS - 1):
        half = np.arange(user % 2, COLD_ITEM, 2)
        other = np.arange(1 - user % 2, COLD_ITEM, 2)
        taken = [*chance.permutation(half)[: TAKEN - 1 - user % 3], chance.choice(other)]
        rows += [
            (user, item, 1 + (item + user) % 5, 1000 * (user % 4) + 60 * place) for place, item in enumerate(taken)
        ]
    table = np.array(rows)
    hours = 1 + (table[:, 0] + table[:, 3]) % 3
    everything = Interactions(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2].astype(np.float32),
        table[:, 3],
        context={"context.hour": hours, "context.load": (hours - 2).astype(np.float32)},
    )
    from_end = everything.offsets(N_USERS)[everything.users + 1] - 1 - np.arange(len(everything))
    test = everything.take(from_end == 0)
    cold = Interactions(
        np.append(test.users, COLD_USER).astype(np.int32),
        np.append(test.items, COLD_ITEM).astype(np.int32),
        np.append(test.ratings, 5).astype(np.float32) if test.ratings is not None else None,
        np.append(test.times, 9000) if test.times is not None else None,
        context={name: np.append(values, values.dtype.type(0)) for name, values in test.context.items()},
    )
    table_of_users = pl.DataFrame(
        {
            "user": range(N_USERS),
            "age": np.arange(N_USERS) % 7 + 20,
            "taste": [f"t{user % 2}" for user in range(N_USERS)],
        }
    )
    table_of_items = pl.DataFrame(
        {
            "item": range(N_ITEMS),
            "title": [f"Item {item}" for item in range(N_ITEMS)],
            "genres": [[f"g{item % 2}", f"h{item % 3}"] for item in range(N_ITEMS)],
            "year": [1990.0 + item for item in range(N_ITEMS)],
            "image": chance.normal(size=(N_ITEMS, 3)),
        }
    )
    train, valid = everything.take(from_end > 1), everything.take(from_end == 1)
    trained: dict[Side, Array] = {
        "user": np.isin(np.arange(N_USERS), train.users),
        "item": np.isin(np.arange(N_ITEMS), train.items),
    }
    fitted = fit_tables({"user": table_of_users, "item": table_of_items}, {}, {}, trained, {})
    contexts = {"context.hour": FeatureSpec("context", "category", 4), "context.load": LOAD}
    specs = {name: feature.spec for name, feature in fitted.features.items()} | contexts
    split = Split(
        "tiny",
        train,
        valid,
        cold,
        N_USERS,
        N_ITEMS,
        fingerprint=f"tiny {seed}",
        feature_specs=specs,
        text_columns=fitted.texts,
    )
    write_folder(Prepared(split, table_of_users, table_of_items, fitted.features), folder)
    return read_folder(folder)


def bare(split: Split) -> Split:
    """The same without features, contexts, ratings and times."""
    train, valid, test = (Interactions(part.users, part.items) for part in (split.train, split.valid, split.test))
    name = f"bare {split.fingerprint}"
    return replace(
        split,
        train=train,
        valid=valid,
        test=test,
        directory=None,
        fingerprint=name,
        feature_specs={},
        text_columns=(),
    )

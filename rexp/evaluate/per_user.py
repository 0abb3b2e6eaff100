"""The values of every user as a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.io.atomic import replace_atomically, write_parquet

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.evaluate.result import Evaluation


def write_per_user(evaluation: Evaluation, split: Split, path: Path) -> None:
    """Write ``evaluation.per_user``, one row a user, under the users' own ids; whole or not at all.

    The column ``n_train`` beside the metrics holds the user's training interactions: how active the user is.

    Args:
        evaluation: what to write.
        split: gives the users' own ids and their training interactions.
        path: the file to make or replace.

    Raises:
        StoreError: the file cannot be written.
    """

    users = evaluation.per_user["user"]
    columns = {name: values for name, values in evaluation.per_user.items() if name != "user"}
    n_train = np.bincount(split.train.users, minlength=split.n_users)[users]
    frame = pl.DataFrame({"user": split.user_ids().gather(users), "n_train": n_train, **columns})
    replace_atomically(path, lambda unfinished: write_parquet(frame, unfinished))

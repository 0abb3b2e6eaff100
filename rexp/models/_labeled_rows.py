"""Training rows with labels, for models that learn from all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from rexp.errors import ConfigError
from rexp.samplers.uniform import Uniform, UniformConfig

if TYPE_CHECKING:
    from torch import Generator

    from rexp.data.split import Split
    from rexp.data.types import Array


@dataclass(frozen=True)
class LabeledRows:
    """Rows to learn from.

    Args:
        users, items: (N,) int64.
        context: the contexts' features by name, by row.
        labels: (N,) float64.
    """

    users: Array
    items: Array
    context: Mapping[str, Array]
    labels: Array


def labeled_rows(
    split: Split,
    target: Literal["implicit", "label", "rating"],
    negatives: int,
    generator: Generator,
    threshold: float | None = None,
) -> LabeledRows:
    """The training rows as they are learned from.

    Args:
        split: whose training part.
        target: ``implicit``: 1 for every row, 0 for so many ``negatives`` drawn for it, which have its context;
            ``label``: 1 where the data's label is above 0, else 0; ``rating``: the rating.
        negatives: of each row.
        generator: draws them.
        threshold: of ratings: 1 from it on, else 0; None leaves them.

    Raises:
        ConfigError: a target that the data does not have.
    """
    train = split.train
    users, items = train.users.astype(np.int64), train.items.astype(np.int64)
    if target != "implicit":
        if train.ratings is None:
            raise ConfigError(
                f"model.target={target} needs {target}s, and data={split.name} has none; take model.target=implicit"
            )
        ratings = train.ratings.astype(np.float64)
        cut = 0.0 if target == "label" else threshold
        labels = ratings if cut is None else (ratings > 0 if target == "label" else ratings >= cut).astype(np.float64)
        return LabeledRows(users, items, train.context, labels)
    sampler = Uniform(UniformConfig(negatives), split)
    drawn = sampler.sample(torch.from_numpy(users), torch.from_numpy(items), generator).items.numpy()
    return LabeledRows(
        np.concatenate([users, np.repeat(users, negatives)]),
        np.concatenate([items, drawn.reshape(-1)]),
        {name: np.concatenate([values, np.repeat(values, negatives, 0)]) for name, values in train.context.items()},
        np.repeat([1.0, 0.0], [len(users), len(users) * negatives]),
    )

"""Weights of parts, chosen on validation rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rexp.api import Capability
from rexp.errors import ConfigError
from rexp.evaluate.list_contexts import features_on
from rexp.evaluate.user_items import UserItems
from rexp.metrics.ranking import ndcg

if TYPE_CHECKING:
    from rexp.api import Query
    from rexp.data.split import Split
    from rexp.data.types import Catalogue, Part

CPU = torch.device("cpu")
USERS_AT_ONCE = 256
MOST_WEIGHTS = 2000


def lattice(parts: int, steps: int) -> list[tuple[float, ...]]:
    """All weights that are multiples of 1 / steps and sum to 1; equal ones come first.

    >>> lattice(2, 2)
    [(0.5, 0.5), (0.0, 1.0), (1.0, 0.0)]
    """
    found = [(1 / parts,) * parts]
    for bars in combinations(range(steps + parts - 1), parts - 1):
        edges = (-1, *bars, steps + parts - 1)
        weights = tuple((behind - before - 1) / steps for before, behind in pairwise(edges))
        if weights not in found:
            found.append(weights)
        if len(found) > MOST_WEIGHTS:
            raise ConfigError(f"{parts} parts have too many weights in {steps} steps; take fewer with model.steps")
    return found


def validation_users(split: Split, catalogue: Catalogue) -> tuple[UserItems, Tensor]:
    """The validation items of every user that are in a catalog, and who has some.

    Raises:
        ConfigError: nobody has.
    """
    targets = UserItems(split, ["valid"], CPU, split.in_catalogue(catalogue))
    users = targets.counts.nonzero().squeeze(1)
    if not len(users):
        raise ConfigError(
            f"weights are chosen on validation rows, and '{split.name}' has none of model.catalogue={catalogue}: take "
            "a split with a validation part, or give model.weights"
        )
    return targets, users


def blocks(split: Split, users: Tensor, length: int | None, capabilities: frozenset[Capability]) -> Iterator[Query]:
    """Queries of the users as validation asks: with histories of the training part, in the context of its last row."""
    shown: list[Part] = ["train"] if Capability.SEQUENTIAL in capabilities else []
    latest: dict[str, Tensor] = {}
    if split.contexts and Capability.READS_CONTEXT in capabilities:
        latest = features_on(split.train.latest_context(split.n_users), CPU)
    for block in torch.split(users, USERS_AT_ONCE):
        query = split.query(block, shown, length)
        yield replace(query, features={name: values[block] for name, values in latest.items()})


def best_weights(
    terms: Callable[[Query], Sequence[Tensor]],
    queries: Iterator[Query],
    targets: UserItems,
    allowed: Callable[[Query], Tensor],
    candidates: Sequence[tuple[float, ...]],
    k: int,
) -> tuple[tuple[float, ...], float]:
    """The weights whose weighted sum of terms has the highest NDCG@k; of equal ones the first.

    Args:
        terms: of a query, (B, I) each.
        queries: of the users with targets.
        targets: the users' items.
        allowed: of a query, (B, I) bool, what can be recommended.
        candidates: the weights that are tried.
        k: cut.

    Returns:
        The weights, and their NDCG.
    """
    gains, n_users = np.zeros(len(candidates)), 0
    for query in queries:
        stacked, hidden = torch.stack(list(terms(query))), ~allowed(query)
        for place, weights in enumerate(candidates):
            fused = torch.tensordot(torch.tensor(weights, dtype=stacked.dtype), stacked, 1).masked_fill(
                hidden, -torch.inf
            )
            best = fused.topk(min(k, fused.shape[1]), dim=1).indices
            hits = targets.contains(query.users, best).double()
            gains[place] += float(ndcg(hits, targets.counts[query.users], k).sum())
        n_users += len(query.users)
    best = int(np.argmax(np.round(gains / n_users, 9)))
    return candidates[best], float(gains[best] / n_users)

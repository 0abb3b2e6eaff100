"""Reordered lists, against plain loops."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.api import Query
from rexp.errors import ConfigError
from rexp.hybrids.rerank import Rerank, RerankConfig

from ..models.described import described, members, taken, weighted
from .parts import made, part, table

SCORES = table(4, 4, 7)
EVERYONE = Query(torch.arange(4))


def plain(how: str, weight: float, depth: int, length: int) -> list[list[int]]:
    """The new places of every user, one greedy choice after another."""
    shares = members() / np.maximum(members().sum(1, keepdims=True), 1)
    lists = []
    for user in range(4):
        free = [item for item in range(7) if not taken()[user, item]]
        best = sorted(free, key=lambda item, u=user: -SCORES[u, item])[:depth]
        low, high = min(SCORES[user, best]), max(SCORES[user, best])
        relevance = {item: (SCORES[user, item] - low) / (high - low) for item in best}
        wanted = taken()[user] @ shares / taken()[user].sum()
        chosen: list[int] = []

        def worth(item: int, chosen: Any = chosen, relevance: Any = relevance, wanted: Any = wanted) -> float:
            if how == "mmr":
                nearest = max((float(weighted()[item] @ weighted()[other]) for other in chosen), default=0.0)
                return float((1 - weight) * relevance[item] - weight * nearest)
            together = [*chosen, item]
            smooth = 0.99 * shares[together].mean(0) + 0.01 * wanted
            divergence = sum(p * math.log(p / q) for p, q in zip(wanted, smooth, strict=True) if p > 0)
            return float((1 - weight) * sum(relevance[other] for other in together) - weight * divergence)

        while len(chosen) < min(length, len(best)):
            chosen.append(max((item for item in best if item not in chosen), key=worth))
        lists.append(chosen)
    return lists


@pytest.mark.parametrize("how", ["mmr", "calibrated"])
@pytest.mark.parametrize("weight", [0.0, 0.4, 0.9])
def test_the_order_is_that_of_greedy_choices(how: Any, weight: float, tmp_path: Path) -> None:
    model = made(Rerank, described(tmp_path), [part(SCORES)], how=how, weight=weight, depth=4, length=3)
    found = model.score_all(EVERYONE).masked_fill(torch.from_numpy(taken() > 0), -torch.inf)
    for user, chosen in enumerate(plain(how, weight, 4, 3)):
        order = found[user].argsort(descending=True).tolist()
        assert order[:3] == chosen
        rest = [item for item in order[3:] if not taken()[user, item]]
        assert rest == sorted(rest, key=lambda item, u=user: -SCORES[u, item])  # the others keep their order


def test_what_cannot_be_reordered_is_told(tmp_path: Path) -> None:
    split = described(tmp_path, pictures=True)
    with pytest.raises(ConfigError, match="rerank takes 1"):
        made(Rerank, split, [part(SCORES), part(SCORES)])
    with pytest.raises(ConfigError, match="has vectors; name others"):
        Rerank(RerankConfig(how="calibrated"), split.spec)
    for options in ({"weight": 1.5}, {"length": 0}, {"length": 20, "depth": 10}):
        with pytest.raises(ValueError, match=next(iter(options))):
            RerankConfig(**options)  # type: ignore[arg-type]

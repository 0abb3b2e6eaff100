"""Another order of a model's best items: diverse ones, or in the proportions of what the user took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from rexp.errors import ConfigError
from rexp.hybrids._fusion import scaled
from rexp.hybrids._hybrid import Hybrid
from rexp.nn.content import ContentOptions, ItemContent

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec, Query
    from rexp.data.split import Split

SMOOTHING = 0.01
"""Share of the target in a list's distribution, so that no logarithm is of 0 (Steck 2018, eq. 4)."""


@dataclass(frozen=True)
class RerankConfig:
    """Options of :class:`Rerank`.

    Args:
        how: ``mmr``, maximal marginal relevance: an item like one before it is worth less; ``calibrated``: the list's
            categories in the proportions of those that the user took.
        columns: of the items, what they are compared by, such as ``[item.genres]``; null takes all that there is.
        weight: of diversity or calibration, from 0, the model's own order, to 1.
        depth: how many of the model's best are reordered.
        length: how many places are filled anew; behind them the others keep their order.
    """

    how: Literal["mmr", "calibrated"] = "mmr"
    columns: tuple[str, ...] | None = None
    weight: float = 0.3
    depth: int = 100
    length: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight={self.weight} must be from 0 to 1")
        if not 1 <= self.length <= self.depth:
            raise ValueError(f"length={self.length} must be 1 or more, and at most depth={self.depth}")


class Rerank(Hybrid):
    """Greedy reordering of one run's lists: MMR (Carbonell and Goldstein, SIGIR 1998), or calibrated recommendations
    (Steck, RecSys 2018).

    Relevance is the score, brought to 0 to 1 among the ``depth`` best that the user did not take in training.
    """

    Config: ClassVar[type] = RerankConfig
    config: RerankConfig
    fewest: ClassVar[int] = 1
    most: ClassVar[int | None] = 1
    content: Tensor

    def __init__(self, config: RerankConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        # Counts of words and categories are what proportions are of; vectors have none.
        options = ContentOptions(config.columns, how="bow" if config.how == "calibrated" else "tfidf")
        self.reader = ItemContent(options, spec)
        if config.how == "calibrated" and self.reader.dense:
            raise ConfigError("how=calibrated counts categories, and model.columns has vectors; name others")
        self.register_buffer("content", torch.zeros(spec.n_items, 0), False)

    def bind(self, split: Split) -> None:
        """Read the items: at length 1 to be compared, or as shares of each item that sum to 1."""
        super().bind(split)
        rows = self.reader.read(split, 0)
        content = torch.as_tensor(rows if isinstance(rows, np.ndarray) else rows.toarray()).float()
        if self.config.how == "calibrated":
            content = (content > 0).float()
            content = content / content.sum(1, keepdim=True).clamp(min=1)
        else:
            content = torch.nn.functional.normalize(content, dim=1)
        self.content = content

    def fit(self, split: Split, generator: Generator) -> None:
        """Nothing is learned."""

    def score_all(self, query: Query) -> Tensor:
        """(B, I): the new places' scores stand above the others, which keep their own."""
        (scores,) = self.scores_of_parts(query)
        hidden = scores.masked_fill(~self.untaken(query), -torch.inf)
        values, items = hidden.topk(min(self.config.depth, self.n_items), dim=1)
        there = values > -torch.inf
        relevance = scaled(values.masked_fill(~there, 0.0), there, "minmax")
        chosen = self._reordered(query, relevance, items, there)
        # The order alone is new: above the highest score, in steps of one.
        steps = torch.arange(chosen.shape[1], 0, -1, device=scores.device, dtype=scores.dtype)
        above = scores.amax(1, keepdim=True) + steps
        places = items.gather(1, chosen)
        return scores.scatter(1, places, torch.where(there.gather(1, chosen), above, scores.gather(1, places)))

    def _reordered(self, query: Query, relevance: Tensor, items: Tensor, there: Tensor) -> Tensor:
        """(B, length) places among the candidates (B, N), one after another the best of what is left."""
        rows, weight = torch.arange(len(items), device=items.device), self.config.weight
        content = self.content[items]
        wanted = self._wanted(query) if self.config.how == "calibrated" else content
        left, chosen = there.clone(), []
        nearest = torch.zeros_like(relevance)
        summed, total = torch.zeros(len(items), content.shape[2]), torch.zeros(len(items), 1)
        for place in range(min(self.config.length, items.shape[1])):
            if self.config.how == "mmr":
                gain = (1 - weight) * relevance - weight * nearest
            else:
                shares = (summed.unsqueeze(1) + content) / (place + 1)
                gain = (1 - weight) * (total + relevance) - weight * _divergence(wanted.unsqueeze(1), shares)
            best = gain.masked_fill(~left, -torch.inf).argmax(1)
            chosen.append(best)
            left[rows, best] = False
            taken = content[rows, best]
            similarity = (content @ taken.unsqueeze(2)).squeeze(2)
            nearest = similarity if place == 0 else torch.maximum(nearest, similarity)
            summed, total = summed + taken, total + relevance[rows, best].unsqueeze(1)
        return torch.stack(chosen, 1)

    def _wanted(self, query: Query) -> Tensor:
        """(B, C) the mean shares of what the user took."""
        taken = (~self.untaken(query)).float()
        return taken @ self.content / taken.sum(1, keepdim=True).clamp(min=1)


def _divergence(wanted: Tensor, shares: Tensor) -> Tensor:
    """(B, N) Kullback-Leibler divergence of lists' shares (B, N, C) from the wanted ones (B, 1, C)."""
    smooth = (1 - SMOOTHING) * shares + SMOOTHING * wanted
    terms = wanted * (wanted.clamp(min=1e-12) / smooth.clamp(min=1e-12)).log()
    return torch.where(wanted > 0, terms, 0.0).sum(2)

"""Several models as one: a weighted sum of their scores, or of what their ranks are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch

from rexp.errors import ConfigError
from rexp.hybrids._fusion import Rule, Scale, ranks, scaled, votes
from rexp.hybrids._hybrid import Hybrid
from rexp.hybrids._tuning import best_weights, blocks, lattice, validation_users

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rexp.api import DataSpec, Query, RecommenderModule
    from rexp.data.split import Split


@dataclass(frozen=True)
class BlendConfig:
    """Options of :class:`Blend`.

    Args:
        how: what is summed: ``scores``, or of ranks ``rrf`` 1 / (constant + rank), ``borda`` the share of items behind,
            ``isr`` 1 / rank^2.
        scale: of scores, for each user over the items that he did not take in training: ``standard`` to mean 0 and
            deviation 1, ``minmax`` to 0 to 1, or ``none``.
        weights: of the parts, in the order of ``model.runs``; null chooses them on the validation part.
        steps: parts of 1 that are tried as weights.
        k: cut of the NDCG by which they are chosen.
        catalogue: what can be recommended when they are chosen.
        constant: of ``rrf``.
    """

    how: Rule = "scores"
    scale: Scale = "standard"
    weights: tuple[float, ...] | None = None
    steps: int = 10
    k: int = 10
    catalogue: Literal["train", "all", "cold"] = "train"
    constant: float = 60.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.k < 1:
            raise ValueError(f"steps={self.steps} and k={self.k} must be 1 or more")
        if self.constant < 0:
            raise ValueError(f"constant={self.constant} must not be negative")
        if self.weights is not None and (min(self.weights, default=0) < 0 or not sum(self.weights) > 0):
            raise ValueError(f"weights={list(self.weights)} must not be negative, and one above 0")


class Blend(Hybrid):
    """A weighted hybrid (Burke: Hybrid recommender systems, UMUAI 2002), or a fusion of ranks. Weights sum to 1."""

    Config: ClassVar[type] = BlendConfig
    config: BlendConfig
    weights: Tensor

    def __init__(self, config: BlendConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("weights", torch.zeros(0))

    def take_parts(self, parts: Sequence[RecommenderModule]) -> None:
        """See :meth:`Hybrid.take_parts`; as many weights as parts."""
        super().take_parts(parts)
        given = self.config.weights
        if given is not None and len(given) != len(self.parts):
            raise ConfigError(f"model.weights has {len(given)} weights for {len(self.parts)} runs")
        self.weights = torch.full((len(self.parts),), 1 / len(self.parts))

    def fit(self, split: Split, generator: Generator) -> None:
        """Take the weights that are given, or the best on the validation part."""
        config = self.config
        if config.weights is not None:
            self.weights = torch.tensor(config.weights) / math.fsum(config.weights)
            return
        targets, users = validation_users(split, config.catalogue)
        catalog = torch.from_numpy(split.in_catalogue(config.catalogue))
        weights, _ = best_weights(
            self.terms,
            blocks(split, users, self.history_length, self.capabilities()),
            targets,
            lambda query: self.untaken(query) & catalog,
            lattice(len(self.parts), config.steps),
            config.k,
        )
        self.weights = torch.tensor(weights)

    def terms(self, query: Query) -> list[Tensor]:
        """(B, I) of each part, to be weighed and summed."""
        config, untaken = self.config, self.untaken(query)
        if config.how == "scores":
            return [scaled(scores, untaken, config.scale) for scores in self.scores_of_parts(query)]
        return [votes(ranks(scores, untaken), config.how, config.constant) for scores in self.scores_of_parts(query)]

    def score_all(self, query: Query) -> Tensor:
        """(B, I) fused scores."""
        return torch.stack([weight * part for weight, part in zip(self.weights, self.terms(query), strict=True)]).sum(0)

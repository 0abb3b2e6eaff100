"""A logistic regression, or trees, on what several models score, learned from validation rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from rexp.hybrids._fusion import Scale, scaled
from rexp.hybrids._hybrid import Hybrid
from rexp.hybrids._tuning import USERS_AT_ONCE, blocks, validation_users
from rexp.models._trees import Growth, Trees

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec, Query, RecommenderModule
    from rexp.data.split import Split


@dataclass(frozen=True)
class StackConfig:
    """Options of :class:`Stack`.

    Args:
        learner: ``logistic`` regression, or ``trees`` by LightGBM, which find where a part is to be trusted.
        scale: of each part's scores, see ``blend``.
        negatives: items that a user did not take, drawn for each of his validation rows.
        counts: read the logarithm of the item's training users, too, alone and, for ``logistic``, times each score.
        c: inverse strength of the penalty of ``logistic``.
        trees, leaves, lr, min_leaf: of ``trees``, see ``gbdt``.
        catalogue: of the rows that are learned from, and of what is drawn.
    """

    learner: Literal["logistic", "trees"] = "logistic"
    scale: Scale = "standard"
    negatives: int = 20
    counts: bool = False
    c: float = 1.0
    trees: int = 100
    leaves: int = 8
    lr: float = 0.1
    min_leaf: int = 100
    catalogue: Literal["train", "all", "cold"] = "train"

    def __post_init__(self) -> None:
        for key in ("negatives", "trees", "min_leaf"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}={getattr(self, key)} must be 1 or more")
        if min(self.c, self.lr) <= 0 or self.leaves < 2:
            raise ValueError(f"c={self.c} and lr={self.lr} must be above 0, leaves={self.leaves} 2 or more")


class Stack(Hybrid):
    """Stacked generalization (Wolpert, Neural Networks 1992; Sill et al.: Feature-weighted linear stacking, 2009): the
    parts were fitted without the validation rows, from which it is learned how to combine them."""

    Config: ClassVar[type] = StackConfig
    config: StackConfig
    log_counts: Tensor
    weights: Tensor

    def __init__(self, config: StackConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("log_counts", torch.zeros(spec.n_items), False)
        self.register_buffer("weights", torch.zeros(0))
        self.grown = Trees() if config.learner == "trees" else None

    def take_parts(self, parts: Sequence[RecommenderModule]) -> None:
        """See :meth:`Hybrid.take_parts`."""
        super().take_parts(parts)
        if self.grown is None:
            self.weights = torch.zeros(len(self.parts) * (1 + self.config.counts) + self.config.counts)

    def bind(self, split: Split) -> None:
        """Count the items' users."""
        super().bind(split)
        self.log_counts = torch.from_numpy(np.log1p(split.train_users_per_item)).float()

    def fit(self, split: Split, generator: Generator) -> None:
        """Learn from the validation rows, and from as many times ``negatives`` others."""
        targets, users = validation_users(split, self.config.catalogue)
        catalog = torch.from_numpy(split.in_catalogue(self.config.catalogue))
        rows: list[Tensor] = []
        labels: list[Tensor] = []
        for query in blocks(split, users, self.history_length, self.capabilities()):
            features = self.features(query)
            row, item = targets.block(query.users)
            drawable = self.untaken(query) & catalog
            drawable[row, item] = False
            able = drawable.any(1)[row]
            drawn = torch.cat(
                [  # a few rows at a time: each is as wide as the catalog
                    torch.multinomial(drawable[some].float(), self.config.negatives, True, generator=generator)
                    for some in torch.split(row[able], USERS_AT_ONCE)
                ]
            )
            others = row[able].unsqueeze(1).expand_as(drawn)
            rows += [features[:, row, item].T, features[:, others.flatten(), drawn.flatten()].T]
            labels += [torch.ones(len(row)), torch.zeros(drawn.numel())]
        inputs, wanted = torch.cat(rows).numpy(), torch.cat(labels).numpy()
        if self.grown is None:
            learned = LogisticRegression(C=self.config.c, max_iter=1000).fit(inputs, wanted)
            self.weights = torch.from_numpy(learned.coef_[0]).float()
        else:
            config = self.config
            growth = Growth("binary", config.trees, config.leaves, config.lr, config.min_leaf)
            self.grown.grow(inputs, wanted, growth, generator)

    def features(self, query: Query) -> Tensor:
        """(F, B, I): the parts' scores and, with ``counts``, the item's count, which trees read as it is: the logistic
        regression is given the scores times it, too."""
        untaken = self.untaken(query)
        parts = torch.stack([scaled(scores, untaken, self.config.scale) for scores in self.scores_of_parts(query)])
        if not self.config.counts:
            return parts
        counts = self.log_counts.expand(parts.shape[1:]).unsqueeze(0)
        products = [parts * counts] if self.grown is None else []
        return torch.cat([parts, *products, counts])

    def score_all(self, query: Query) -> Tensor:
        """(B, I) log-odds; of ``logistic`` without what is the same for all items."""
        features = self.features(query)
        if self.grown is None:
            scores: Tensor = torch.tensordot(self.weights, features, 1)
            return scores
        found = self.grown.scores(features.flatten(1).T.cpu().numpy())
        return torch.from_numpy(found).view(features.shape[1:]).to(features.device)

"""Items of the history that are nearest to what is recommended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from rexp.api import Capability, ConfigError, Explanation, Query, Reason, Split


@dataclass(frozen=True)
class NearestConfig:
    """Options of :class:`Nearest`.

    Args:
        most: reasons that are given.
    """

    most: int = 20

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"most={self.most}: at least one reason")


class Nearest:
    """Cosines of the item's vector with those of the user's items: of any model with vectors; a hint at most."""

    Config: ClassVar[type] = NearestConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 1)

    def __init__(self, config: NearestConfig) -> None:
        self.config = config

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        """Why a user gets an item; the values need not add up to the score, so that it states no base."""
        if Capability.HAS_EMBEDDINGS not in model.capabilities():
            raise ConfigError(f"{type(model).__name__} has no vectors of items")
        user, table = int(query.users[0]), split.items_table()
        own = sorted(set(split.train.items[split.train.users == user].tolist()))
        with torch.no_grad():
            vectors = torch.nn.functional.normalize(model.item_embeddings())
            score = float(model.score(query, torch.tensor([item])))
        cosines = (vectors[own] @ vectors[item]).tolist()
        titles = table["title"] if "title" in table.columns else [""] * split.n_items
        reasons = [Reason(str(table["item"][i]), value, str(titles[i])) for i, value in zip(own, cosines, strict=True)]
        best = sorted(reasons, key=lambda reason: -reason.value)[: self.config.most]
        names = str(split.user_ids()[user]), str(table["item"][item]), str(titles[item])
        return Explanation(*names, score, "history", "cosine of vectors", None, tuple(best))

"""One of several models for each user, or for each item, by how much training knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.errors import ConfigError
from rexp.hybrids._fusion import Scale, scaled
from rexp.hybrids._hybrid import Hybrid

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec, Query, RecommenderModule
    from rexp.data.split import Split


@dataclass(frozen=True)
class SwitchConfig:
    """Options of :class:`Switch`.

    Args:
        by: whose training interactions decide, the ``user``'s or the ``item``'s.
        at: ascending numbers of them, one fewer than runs: the first run serves who has fewer than the first number,
            the last one who has at least the last.
        scale: of scores, where items of several runs meet in one list, see ``blend``.
    """

    by: Literal["user", "item"] = "item"
    at: tuple[int, ...] = (1,)
    scale: Scale = "standard"

    def __post_init__(self) -> None:
        if not self.at or list(self.at) != sorted(set(self.at)) or self.at[0] < 1:
            raise ValueError(f"at={list(self.at)} must be ascending numbers of 1 or more")


class Switch(Hybrid):
    """A switching hybrid (Burke, UMUAI 2002): ``[content, ease]`` at 1 leaves cold items to the content."""

    Config: ClassVar[type] = SwitchConfig
    config: SwitchConfig

    def __init__(self, config: SwitchConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.register_buffer("counts", torch.zeros(spec.n_users if config.by == "user" else spec.n_items).long(), False)

    def take_parts(self, parts: Sequence[RecommenderModule]) -> None:
        """See :meth:`Hybrid.take_parts`; one more than numbers to switch at."""
        super().take_parts(parts)
        if len(parts) != len(self.config.at) + 1:
            raise ConfigError(
                f"model.at has {len(self.config.at)} numbers, which is for one run more, not {len(parts)}"
            )

    def bind(self, split: Split) -> None:
        """Count."""
        super().bind(split)
        matrix = self.interactions.scipy()
        self.counts = torch.from_numpy((matrix.sum(1 if self.config.by == "user" else 0)).astype("int64"))

    def fit(self, split: Split, generator: Generator) -> None:
        """Nothing is learned."""

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the part whose turn it is."""
        untaken, numbers = self.untaken(query), torch.tensor(self.config.at, device=query.users.device)
        parts = torch.stack([scaled(scores, untaken, self.config.scale) for scores in self.scores_of_parts(query)])
        chosen = torch.bucketize(self.counts, numbers, right=True)
        places = chosen[query.users].unsqueeze(1) if self.config.by == "user" else chosen.unsqueeze(0)
        return parts.gather(0, places.expand(parts.shape[1:]).unsqueeze(0)).squeeze(0)

"""Factors of interactions, and for cold items what a map from their content makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch

from rexp.api import Capability
from rexp.models._factor_model import Factors
from rexp.models.ials import IALS, IALSConfig
from rexp.models.puresvd import PureSVD, PureSVDConfig
from rexp.nn.content import ContentOptions, ItemContent, mapped

if TYPE_CHECKING:
    from torch import Generator

    from rexp.api import DataSpec
    from rexp.data.split import Split


@dataclass(frozen=True)
class ContentMapConfig(ContentOptions):
    """Options of :class:`ContentMap`.

    Args:
        columns, how, dim: see :class:`rexp.nn.content.ContentOptions`.
        l2: strength of the penalty on the map.
        solver: of the factors: ``ials``, or ``puresvd``.
        factors: size of the vectors.
        alpha: weight of an interaction beside what is not observed, of ``ials``.
        regularization: of the factors of ``ials``.
        warm: vectors of the items that training knows: their ``own`` factors, or ``mapped`` ones as the cold items'.
    """

    l2: float = 10.0
    solver: Literal["ials", "puresvd"] = "ials"
    factors: int = 64
    alpha: float = 1.0
    regularization: float = 0.01
    warm: Literal["own", "mapped"] = "own"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.l2 <= 0:
            raise ValueError(f"l2={self.l2} must be above 0")
        self.solved_by()  # whose options are checked there

    def solved_by(self) -> IALSConfig | PureSVDConfig:
        """The options of the model whose factors are mapped."""
        if self.solver == "puresvd":
            return PureSVDConfig(self.factors)
        return IALSConfig(self.factors, alpha=self.alpha, regularization=self.regularization)


class ContentMap(Factors):
    """Attribute-to-feature mapping for cold start (Gantner et al., ICDM 2010), by ridge regression: what content says
    of an item's factors, learned from the items that have interactions.

    Raises:
        ConfigError: the data tells nothing of its items.
    """

    Config: ClassVar[type] = ContentMapConfig

    def __init__(self, config: ContentMapConfig, spec: DataSpec) -> None:
        super().__init__(spec, config.factors)
        self.config, self.content, self.spec = config, ItemContent(config, spec), spec

    def capabilities(self) -> frozenset[Capability]:
        """A dot product, with vectors of cold items."""
        return super().capabilities() | {Capability.COLD_ITEMS}

    def fit(self, split: Split, generator: Generator) -> None:
        """Factorize, then map."""
        options = self.config.solved_by()
        factors = IALS(options, self.spec) if isinstance(options, IALSConfig) else PureSVD(options, self.spec)
        factors.fit(split, generator)
        content = self.content.read(split, int(torch.randint(2**31, (1,), generator=generator)))
        warm, own = split.in_catalogue("train"), factors.items.numpy()
        found = mapped(content, own, warm, self.config.l2)
        kept = np.where(warm[:, None], own, found) if self.config.warm == "own" else found
        self.take(factors.users.numpy(), kept)

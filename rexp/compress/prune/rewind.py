"""Lottery-ticket rewinding: resets the surviving weights to their initial values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import nn

from rexp.api import ReplacementModule, Requirement
from rexp.compress.prune._masks import Scope, topk_masks
from rexp.compress.prune._weights import NEEDS, Kind, weights_of
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.api import StageContext

BARELY = 1e-20
"""In the place of an initial 0 that stays (a bias begins there): nothing to a score, and no zero that a fit holds."""


@dataclass(frozen=True)
class RewindConfig:
    """Options of :class:`Rewind`.

    Args:
        sparsity: share of the weights that are 0 from here on.
        scope: the largest of all matrices together stay (``global``), of each (``layer``), or of each ``row``.
        min_per_row: so many weights of a row of a table stay in any case.
        kinds: what is pruned: embedding ``tables``, ``linear`` layers, or both.
        targets, ignore: patterns of their paths in the model.
    """

    sparsity: float = 0.8
    scope: Scope = "global"
    min_per_row: int = 1
    kinds: tuple[Kind, ...] = ("tables",)
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity={self.sparsity} must be at least 0 and below 1")
        if self.min_per_row < 0:
            raise ValueError(f"min_per_row={self.min_per_row} must not be negative")
        if not self.kinds:
            raise ValueError("kinds=[] leaves nothing to prune; take tables, linear or both")


class Rewind:
    """The lottery ticket (Frankle and Carbin, ICLR 2019): the mask of the largest trained weights, on the initial ones.

    Train on with ``[finetune, magnitude]`` and ``sparsity: null``, which holds the zeros.
    """

    Config: ClassVar[type] = RewindConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES, Requirement.INITIAL})
    trainable_after: ClassVar[bool] = True
    stores_masks: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: RewindConfig) -> None:
        self.config = config
        self.needs = frozenset({NEEDS[kind] for kind in config.kinds} | {Requirement.INITIAL})

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Put the initial weights back, and zeros where the trained ones are small.

        Raises:
            ConfigError: a stage made a module anew, which has no initial weights.
        """
        assert context.initial is not None
        for path, part in model.named_modules():
            if isinstance(part, ReplacementModule):  # as all have that stages put into a model
                raise ConfigError(
                    f"{path} is not what training began with; put rewind before the stage that made it anew"
                )
        config = self.config
        weights = weights_of(model, config.kinds, config.targets, config.ignore)
        masks = topk_masks(list(weights.values()), config.sparsity, config.scope, config.min_per_row)
        model.load_state_dict(dict(context.initial))
        for matrix, mask in zip(weights.values(), masks, strict=True):
            matrix.masked_fill_(matrix == 0, BARELY).mul_(mask)

"""Pruning at random: the stage that any other way of choosing weights has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement, tables

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageContext, TrainStep


@dataclass(frozen=True)
class RandomPruneConfig:
    """Options of :class:`RandomPrune`.

    Args:
        sparsity: share of every table's weights that is zero.
        targets, ignore: patterns of the tables' paths in the model.
    """

    sparsity: float = 0.5
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.sparsity < 1:
            raise ValueError(f"sparsity={self.sparsity} must be between 0 and 1")


class RandomPrune:
    """Zeros at random places, kept through the fit that it acts in (Liu et al., ICLR 2022, arXiv:2202.02643: with the
    right sizes of layers such a network may be as good as a chosen one). The generator of the context draws them, so
    that they follow from the run's seed. ``pack`` after it stores what is left in fewer bytes."""

    Config: ClassVar[type] = RandomPruneConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    phase: ClassVar[Literal["train"]] = "train"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    stores_masks: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: RandomPruneConfig) -> None:
        self.config = config

    def attach(self, model: RecommenderModule, context: StageContext) -> KeepZeros:
        """Choose the weights.

        Raises:
            ConfigError: the patterns leave no table.
        """
        found = tables(model, self.config.targets, self.config.ignore)
        weights = {path: table.weight for path, table in found.items()}
        masks = {path: mask(weight, self.config.sparsity, context.generator) for path, weight in weights.items()}
        hook = KeepZeros(list(weights.values()), list(masks.values()))
        context.found["zeros"] = float(sum(int((~kept).sum()) for kept in masks.values()))
        return hook


def mask(weight: Tensor, sparsity: float, generator: torch.Generator) -> Tensor:
    """(n, d) bool, like ``weight``: False at a share ``sparsity``, rounded, of all places, each as likely."""
    kept = torch.ones(weight.numel(), dtype=torch.bool)
    gone = torch.randperm(weight.numel(), generator=generator)[: round(sparsity * weight.numel())]
    kept[gone] = False
    return kept.view(weight.shape).to(weight.device)


class KeepZeros(nn.Module):
    """Puts zeros back after every step; the weights stay the model's own, and are held in a list for that."""

    def __init__(self, weights: list[nn.Parameter], masks: list[Tensor]) -> None:
        super().__init__()
        self.weights, self.masks = weights, masks
        self.after_step()

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """Nothing is added."""
        return {}

    @torch.no_grad()
    def after_step(self) -> None:
        """Zeros where they were."""
        for weight, kept in zip(self.weights, self.masks, strict=True):
            weight.mul_(kept.to(weight.device))

    def on_epoch(self, epoch: int) -> None:
        """Nothing is drawn anew."""

    def finish(self) -> None:
        """The chosen epoch's weights have the zeros already."""

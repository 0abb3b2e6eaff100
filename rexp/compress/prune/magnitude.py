"""Masks on the smallest weights, step by step while a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.compress.prune._importance import Importance, Scales, column_scales, scaled
from rexp.compress.prune._masks import Scope, topk_masks
from rexp.compress.prune._weights import NEEDS, Kind, weights_of
from rexp.compress.prune.auto import Sparsity, check_sparsity, sparsity_found
from rexp.io.text import warn

if TYPE_CHECKING:
    from rexp.api import StageContext, TrainStep


@dataclass(frozen=True)
class MagnitudeConfig:
    """Options of :class:`Magnitude`.

    Args:
        sparsity: share of the weights that are 0 in the end; null holds the zeros that are there when the fit begins,
            as after ``rewind``. ``auto`` looks for the largest that costs the model, as it is when a fine-tune begins
            and before that trains anything, no more than ``tolerance`` on the validation part.
        tolerance: of ``auto``: share of the metric by which the epochs are chosen.
        initial: share in the first epoch.
        ramp: epochs over which it grows from the one to the other, at most all but the last.
        importance: what is compared: the ``magnitude`` of weights, or the change of ``scores`` that the removal of one
            makes by first order, found when the fit begins (its magnitude, times how far scores move with its column).
        scope: the smallest of all matrices together (``global``), of each (``layer``), or of each ``row``.
        min_per_row: so many weights of a row of a table stay in any case, so that no id loses its vector. A bias that
            is a column of the table (``mf``) counts among them: take 2, or leave it out.
        kinds: what is pruned: embedding ``tables``, ``linear`` layers, or both.
        targets, ignore: patterns of their paths in the model.
    """

    sparsity: Sparsity | None = 0.8
    tolerance: float = 0.02
    initial: float = 0.0
    ramp: int = 10
    importance: Importance = "magnitude"
    scope: Scope = "global"
    min_per_row: int = 1
    kinds: tuple[Kind, ...] = ("tables",)
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_sparsity(self.sparsity, self.tolerance)
        if not 0 <= self.initial < 1:
            raise ValueError(f"initial={self.initial} must be at least 0 and below 1")
        if isinstance(self.sparsity, float) and self.initial > self.sparsity:
            raise ValueError(f"initial={self.initial} must not be above sparsity={self.sparsity}")
        if self.ramp < 0 or self.min_per_row < 0:
            raise ValueError(f"ramp={self.ramp} and min_per_row={self.min_per_row} must not be negative")
        if not self.kinds:
            raise ValueError("kinds=[] leaves nothing to prune; take tables, linear or both")


class Magnitude:
    """Gradual magnitude pruning (Zhu and Gupta 2017, arXiv:1710.01878): a cubic ramp, quick at first.

    A mask is chosen at the beginning of every epoch and put on after every step. In a dot product a coordinate that is
    0 on one side stops the gradient of the other, so that pruning all at once hardly recovers; a ramp, a floor for
    every row, or ``rotate`` before it help. What is left are plain zeros, which take their full size until they are
    packed.
    """

    Config: ClassVar[type] = MagnitudeConfig
    phase: ClassVar[Literal["train"]] = "train"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: MagnitudeConfig) -> None:
        self.config = config
        needs = {NEEDS[kind] for kind in config.kinds} | (
            {Requirement.VALIDATION} if config.sparsity == "auto" else set()
        )
        self.needs = frozenset(needs)  # of what is chosen

    def attach(self, model: nn.Module, context: StageContext) -> Pruning:
        """Take the matrices.

        Raises:
            ConfigError: the patterns leave nothing.
        """
        config = self.config
        weights = weights_of(model, config.kinds, config.targets, config.ignore)
        matrices = list(weights.values())
        compares = config.sparsity is not None
        scales = column_scales(config.importance, model, matrices, context) if compares else None
        pruning = Pruning(config, weights, scales, context.max_epochs)
        if config.sparsity == "auto":
            pruning.sparsity = sparsity_found(matrices, pruning.masks, config.tolerance, context)
        return pruning


class Pruning(nn.Module):
    """Masks at work in a fit.

    They follow from the weights at the beginning of an epoch, in which what was masked is 0, so that a fit that goes on
    from a checkpoint has the same.

    Args:
        config: what goes, and when; where ``auto`` decides how much, that is set afterwards.
        weights: matrices by their path.
        scales: (columns,) of every matrix, which its magnitudes are multiplied by to be compared; None: by 1.
        max_epochs: of the fit.
    """

    sparsity: float | None

    def __init__(self, config: MagnitudeConfig, weights: Mapping[str, Tensor], scales: Scales, max_epochs: int) -> None:
        super().__init__()
        self.config, self._weights, self._scales, self._masks = config, dict(weights), scales, list[Tensor]()
        self.sparsity = None if config.sparsity == "auto" else config.sparsity
        self.ramp = min(config.ramp, max_epochs - 1)
        self.settled = True
        """The sparsity is that of the end: an epoch before has more weights than the result may."""

    def masks(self, sparsity: float) -> list[Tensor]:
        """Masks of the weights, as they are, that stay."""
        compared = scaled(list(self._weights.values()), self._scales)
        return topk_masks(compared, sparsity, self.config.scope, self.config.min_per_row)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """No additional loss."""
        return {}

    @torch.no_grad()
    def on_epoch(self, epoch: int) -> None:
        """Choose the masks of an epoch, and put them on."""
        weights, config = list(self._weights.values()), self.config
        if self.sparsity is None:
            self._masks = [matrix != 0 for matrix in weights]
        else:
            sparsity = cubic_sparsity(min(config.initial, self.sparsity), self.sparsity, epoch - 1, self.ramp)
            self._masks = self.masks(sparsity)
            self.settled = epoch > self.ramp
        self.after_step()

    def settle(self) -> None:
        """Put the masks of the end on at once."""
        self.on_epoch(self.ramp + 1)

    @torch.no_grad()
    def after_step(self) -> None:
        """Put the masks on again: an optimizer moves what has momentum."""
        for matrix, mask in zip(self._weights.values(), self._masks, strict=True):
            matrix.mul_(mask)

    def finish(self) -> None:
        """Say which rows became empty; the zeros are the weights' own already."""
        for path, matrix in self._weights.items():
            if empty := int((~matrix.detach().any(1)).sum()):
                warn(f"{empty} of {len(matrix)} rows of {path} are all zeros")


def cubic_sparsity(initial: float, final: float, done: int, ramp: int) -> float:
    """The sparsity after ``done`` epochs of a ramp (Zhu and Gupta 2017, equation 1).

    >>> [round(cubic_sparsity(0.0, 0.8, done, 4), 4) for done in range(6)]
    [0.0, 0.4625, 0.7, 0.7875, 0.8, 0.8]
    """
    left = 1 - min(1.0, done / ramp) if ramp > 0 else 0.0
    return final + (initial - final) * left**3

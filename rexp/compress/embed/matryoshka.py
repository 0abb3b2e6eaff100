"""Matryoshka training: the first columns of a table are a table too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from rexp.api import Requirement
from rexp.compress.base.coupled_tables import read_together, reads_of
from rexp.plugins.options import require

if TYPE_CHECKING:
    from rexp.api import StageContext, TrainStep
    from rexp.compress.base.coupled_tables import Tables
    from rexp.nn.coupling import Reader


@dataclass(frozen=True)
class MatryoshkaConfig:
    """Options of :class:`Matryoshka`.

    Args:
        widths: shares of the columns of every reader, each of which is trained to do without the columns behind it; at
            least one column.
        weight: of the loss of each width, beside the fit's own, which is that of all columns.
        targets, ignore: patterns of the tables' paths in the model.
    """

    widths: tuple[float, ...] = (0.5, 0.25, 0.125)
    weight: float = 1.0
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(bool(self.widths), "widths=[] must name at least one share")
        for width in self.widths:
            require(0 < width < 1, f"widths={list(self.widths)} must be above 0 and below 1")
        require(self.weight > 0, f"weight={self.weight} must be above 0")


class Matryoshka:
    """Matryoshka representation learning (Kusupati et al., NeurIPS 2022): the fit's own loss, of all columns, is joined
    by that of the model with the first columns alone, for several widths (their eq. 1, with equal weights). One
    training gives vectors of any width: ``columns`` with ``by=order`` cuts the trained tables, and nothing need be
    trained after it. A step costs as many losses as there are widths more."""

    Config: ClassVar[type] = MatryoshkaConfig
    phase: ClassVar[Literal["train"]] = "train"
    needs: frozenset[Requirement] = frozenset({Requirement.READERS})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: MatryoshkaConfig) -> None:
        self.config = config

    def attach(self, model: nn.Module, context: StageContext) -> NestedWidths:
        """Find the tables and the columns that go together.

        Raises:
            ConfigError: the patterns leave no dense table that is read in a known way.
        """
        readers, dense = read_together(model, self.config.targets, self.config.ignore)
        masks = [prefix_masks(readers, dense, share) for share in self.config.widths]
        return NestedWidths(model, masks, self.config.weight)


def prefix_masks(readers: list[Reader], dense: Tables, share: float) -> dict[str, Tensor]:
    """By path of a table, (D,) ones of the columns that are read at a width, and zeros of those behind them; ones of
    what no reader has, a bias say.

    Args:
        readers, dense: from :func:`rexp.compress.base.coupled_tables.read_together`.
        share: of the columns of every reader, at least one; the number that ``columns`` keeps at the same share.
    """
    masks = {path: torch.ones(table.weight.shape[1], device=table.weight.device) for path, table in dense.items()}
    for reader in readers:
        for path, (first, end) in reads_of(reader, dense):
            masks[path][first + max(1, round(share * (end - first))) : end] = 0
    return masks


class NestedWidths(nn.Module):
    """The losses of the narrower models.

    Args:
        model: in training.
        masks: of each width, from :func:`prefix_masks`.
        weight: of each of the losses.
    """

    def __init__(self, model: nn.Module, masks: list[dict[str, Tensor]], weight: float) -> None:
        super().__init__()
        # In a list, so that the model does not become a part of the hook.
        self._asked, self._weight, self._paths = [_Objective(model)], weight, [list(width) for width in masks]
        for place, width in enumerate(masks):
            for number, mask in enumerate(width.values()):
                self.register_buffer(f"mask_{place}_{number}", mask, persistent=False)

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """The loss ``width-1`` of the first of the widths, and so on."""
        return {f"width-{place + 1}": self._weight * self._narrow(step, place) for place in range(len(self._paths))}

    def _narrow(self, step: TrainStep, place: int) -> Tensor:
        (asked,) = self._asked
        narrowed = {
            f"model.{path}.weight": asked.model.get_submodule(path).weight * self.get_buffer(f"mask_{place}_{number}")
            for number, path in enumerate(self._paths[place])
        }
        loss: Tensor = functional_call(asked, narrowed, (step,))
        return loss

    def after_step(self) -> None:
        """Nothing: the tables are whole between the losses."""

    def on_epoch(self, epoch: int) -> None:
        """Nothing depends on the epoch."""

    def finish(self) -> None:
        """Nothing was changed."""


class _Objective(nn.Module):
    """The fit's loss of a model as a call, which is what torch can make with other parameters."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, step: TrainStep) -> Tensor:
        return step.objective(self.model)

"""Columns of tables that are gone, not zero: narrower vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Query, Requirement
from rexp.compress.base.coupled_tables import columns_of, narrow_tables, read_together
from rexp.compress.base.narrow import NarrowLinear, NarrowTable, dense_layer, layer_of
from rexp.compress.prune._importance import most_important, outputs_of, training_sample
from rexp.nn.coupling import DotCoupling, LinearCoupling
from rexp.nn.surgery import replace_module

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.nn.coupling import Reader


@dataclass(frozen=True)
class ColumnsConfig:
    """Options of :class:`Columns`.

    Args:
        keep: share of the columns of every reader that stay, at least one.
        by: what the least important columns have least of: ``weight``, the length of the column on one side times that
            on the other, which is a table's or a layer's; ``activation``, the mean size of what they add to a score, or
            the mean size of what a layer reads times the length, on training interactions; ``order``, the last columns
            go, as tables trained with ``matryoshka`` have it.
        targets, ignore: patterns of the tables' paths in the model.
    """

    keep: float = 0.5
    by: Literal["weight", "activation", "order"] = "weight"
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep={self.keep} must be above 0 and at most 1")


class Columns:
    """Structured pruning of embedding width: the columns that matter least to what reads them, user's and item's
    together. Scores are those of the model with zeros there. ``factorize`` keeps more of them at the same width, for it
    turns the tables before it drops any; what is left here are columns as they were trained. Fine-tune after it."""

    Config: ClassVar[type] = ColumnsConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.READERS})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"table": NarrowTable, "layer": NarrowLinear}

    def __init__(self, config: ColumnsConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Swap tables, and layers that read them, in place.

        Raises:
            ConfigError: the patterns leave nothing, or a layer is no dense one any more.
            RunError: a table holds NaN or infinite values.
        """
        readers, dense = read_together(model, self.config.targets, self.config.ignore)
        importance = [self._importance(model, reader, columns_of(reader, dense), context) for reader in readers]
        stay = {
            reader: most_important(found, self.config.keep) for reader, found in zip(readers, importance, strict=True)
        }
        narrow_tables(
            model, readers, dense, lambda reader: _narrow(model, reader, columns_of(reader, dense), stay[reader])
        )

    def _importance(self, model: Any, reader: Reader, wide: list[Tensor], context: StageContext) -> Tensor:
        """(D,) of the columns that a reader reads."""
        if self.config.by == "order":
            return torch.arange(wide[0].shape[1], 0, -1, dtype=torch.float32, device=wide[0].device)
        by_weight = self.config.by == "weight"
        if isinstance(reader, LinearCoupling):
            path, whole = reader.table, slice(*reader.columns)
            coming = wide[0].norm(dim=0) if by_weight else outputs_of(model, [path], context)[path][whole]
            return torch.mul(coming, dense_layer(model, reader.layer).weight.norm(dim=0))
        left, right = wide
        if not isinstance(reader, DotCoupling):
            left, right = (
                model.user_embeddings(Query(torch.arange(len(left), device=left.device))),
                model.item_embeddings(),
            )
        elif reader.weight is not None:
            left = left * model.get_parameter(reader.weight)[: left.shape[1]]
        if by_weight:
            return torch.mul(left.norm(dim=0), right.norm(dim=0))
        users, items = (ids.to(left.device) for ids in training_sample(context))
        return torch.mul(left[users], right[items]).abs().mean(0)


def _narrow(model: nn.Module, reader: Reader, wide: list[Tensor], stay: Tensor) -> tuple[Tensor, ...]:
    """The columns of each table of a reader that stay; the reader is made to read them."""
    if isinstance(reader, LinearCoupling):
        layer = dense_layer(model, reader.layer)
        replace_module(model, reader.layer, layer_of(layer.weight[:, stay], layer.bias))
    elif isinstance(reader, DotCoupling) and reader.weight is not None:
        weights = model.get_parameter(reader.weight)
        kept = weights[stay]
        weights.zero_()[: len(stay)] = kept
    return tuple(rows[:, stay] for rows in wide)

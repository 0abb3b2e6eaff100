"""Structured pruning: removes hidden units, leaving smaller dense layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.api.model import HIDDEN_UNITS
from rexp.compress.base.narrow import NarrowLinear, dense_layer, layer_of
from rexp.compress.prune._importance import inputs_of, most_important
from rexp.nn.surgery import replace_module

if TYPE_CHECKING:
    from rexp.api import StageContext


@dataclass(frozen=True)
class StructuredConfig:
    """Options of :class:`Structured`.

    Args:
        keep: share of the units of every layer that stay, at least one.
        by: what the least important units have least of: ``weight``, the length of what comes in times that of what
            goes out; ``activation``, their mean size on training interactions times the length of what goes out.
    """

    keep: float = 0.5
    by: Literal["weight", "activation"] = "weight"

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep={self.keep} must be above 0 and at most 1")


class Structured:
    """Structured pruning of hidden units (Li et al., ICLR 2017, by norms; Hu et al. 2016, arXiv:1607.03250, by
    activations): layers are made anew without them, so that they cost neither bytes nor time. Fine-tune after it. The
    columns of the tables are taken out by ``columns``."""

    Config: ClassVar[type] = StructuredConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.HIDDEN})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"layer": NarrowLinear}

    def __init__(self, config: StructuredConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Swap the layers in place.

        Raises:
            ConfigError: a layer is no dense one any more.
        """
        groups = HIDDEN_UNITS.of(model)()
        sizes = inputs_of(model, [group.taker for group in groups], context) if self.config.by == "activation" else {}
        for group in groups:
            makers, taker = [dense_layer(model, path) for path in group.makers], dense_layer(model, group.taker)
            coming = sizes[group.taker] if sizes else _coming(makers)
            importance = coming * taker.weight.norm(dim=0)
            stay = most_important(importance, self.config.keep)
            if len(stay) == len(importance):
                continue
            for path, maker in zip(group.makers, makers, strict=True):
                bias = None if maker.bias is None else maker.bias[stay]
                replace_module(model, path, layer_of(maker.weight[stay], bias))
            replace_module(model, group.taker, layer_of(taker.weight[:, stay], taker.bias))
        model.train(model.training)  # what was made of the layers before is forgotten


def _coming(makers: Sequence[nn.Linear]) -> Tensor:
    """(units,) the length of all weights and biases that make each."""
    parts = [maker.weight for maker in makers]
    parts += [maker.bias.unsqueeze(1) for maker in makers if maker.bias is not None]
    lengths: Tensor = torch.cat(parts, 1).norm(dim=1)
    return lengths

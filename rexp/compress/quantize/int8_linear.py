"""Layers of 8 bits a weight, with one scale an output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Requirement
from rexp.compress.base.compact_linear import CompactLinear, swap_linear

if TYPE_CHECKING:
    from rexp.api import StageContext

LARGEST = 127


@dataclass(frozen=True)
class Int8LinearConfig:
    """Options of :class:`Int8Linear`.

    Args:
        targets, ignore: patterns of the layers' paths in the model; a layer that would not get smaller is left alone.
        required: False: a model without a layer that gets smaller stays as it is, for recipes of any model; True: that
            is an error.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    required: bool = True


class Int8Layer(CompactLinear):
    """``scale * code`` a weight; the bias stays float32.

    Args:
        in_features, out_features: its sizes.
        bias: it has one.
    """

    codes: Tensor
    scales: Tensor
    offset: Tensor | None

    def __init__(self, in_features: int, out_features: int, bias: bool) -> None:
        super().__init__(in_features, out_features, bias)
        self.register_buffer("codes", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(out_features, 1))
        self.register_buffer("offset", torch.zeros(out_features) if bias else None)

    @property
    def weight(self) -> Tensor:
        """(out, in) float32."""
        return self.scales * self.codes

    def n_codes(self) -> int:
        """One a weight."""
        return self.codes.numel()

    @property
    def bias(self) -> Tensor | None:
        """(out,) float32, or None."""
        return self.offset


class Int8Linear:
    """Linear layers after training, symmetric and an output channel at a time (Krishnamoorthi 2018, §3.1.2,
    arXiv:1806.08342), weights only.

    It saves bytes and no time: the weights are read back as float32 before they are multiplied. What is fast in 8 bits
    is the exported model, whose runtime has kernels for it. Recurrent layers are none of these and stay as they are.
    """

    Config: ClassVar[type] = Int8LinearConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.LINEAR})
    trainable_after: ClassVar[bool] = False
    modules: ClassVar[Mapping[str, type]] = {"layer": Int8Layer}

    def __init__(self, config: Int8LinearConfig) -> None:
        self.config = config
        if not config.required:
            self.needs = frozenset()

    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Swap the layers in place."""
        config = self.config
        if config.required or any(isinstance(part, nn.Linear) for part in model.modules()):
            swap_linear(model, config.targets, config.ignore, _quantized, required=config.required)


def channel_codes(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (out, in) from -127 to 127, in the weights' type, and scales (out, 1): the largest weight has 127."""
    scales = weight.abs().amax(1, keepdim=True) / LARGEST
    codes = (weight / torch.where(scales == 0, 1.0, scales)).round().clamp(-LARGEST, LARGEST)
    return codes, scales


def _quantized(dense: nn.Linear) -> Int8Layer:
    layer = Int8Layer(dense.in_features, dense.out_features, dense.bias is not None)
    codes, scales = channel_codes(dense.weight)
    layer.codes.copy_(codes)
    layer.scales.copy_(scales)
    if layer.offset is not None:
        layer.offset.copy_(dense.bias)
    return layer

"""A tower of layers over joined inputs, each of which has its part of the first layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.nn.coupling import HiddenUnits
from rexp.nn.dropout import Dropout
from rexp.nn.embedding import initialize


class FieldTower(nn.Module):
    """Linear layers, each with batch normalization where asked for, ReLU and dropout, and a linear output.

    ``W [u; i] + b`` is ``W_u u + b + W_i i``: no inputs are joined, and a user's part is computed once for many items.
    Weights start Glorot-uniform over all inputs, biases at 0.

    Args:
        inputs: size of each of the joined inputs.
        layers: sizes of the hidden layers, one at least.
        dropout: rate on the output of every hidden layer.
        batch_norm: normalize before each ReLU (Ioffe and Szegedy, ICML 2015).
        outputs: numbers that come out.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        layers: Sequence[int],
        dropout: float,
        *,
        batch_norm: bool = False,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(size, layers[0], bias=not place) for place, size in enumerate(inputs))
        self.layers = nn.ModuleList(nn.Linear(size, following) for size, following in pairwise(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in layers) if batch_norm else None
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(layers[-1], outputs)
        self._initialize(inputs, layers[0])

    @torch.no_grad()
    def _initialize(self, inputs: Sequence[int], first: int) -> None:
        whole = initialize(torch.empty(first, sum(inputs)), "glorot_uniform")  # the fan-in is that of all inputs
        for layer, part in zip(self.first, torch.split(whole, list(inputs), 1), strict=True):
            assert isinstance(layer, nn.Linear)
            layer.weight.copy_(part)
        for layer in (*self.layers, self.output):
            initialize(layer.weight, "glorot_uniform")
        for layer in (self.first[0], *self.layers, self.output):
            layer.bias.zero_()

    def part(self, place: int, values: Tensor) -> Tensor:
        """What one input, (..., size), adds to the first layer; the first of them brings the bias."""
        added: Tensor = self.first[place](values)
        return added

    def above(self, added: Tensor) -> Tensor:
        """(..., outputs) from the sum of all parts of the first layer, which is overwritten."""
        hidden = self._activated(added, 0)
        for place, layer in enumerate(self.layers, 1):
            hidden = self._activated(layer(hidden), place)
        out: Tensor = self.output(hidden)
        return out

    def forward(self, *inputs: Tensor) -> Tensor:
        """(..., outputs) of the inputs, (..., size) each, whose leading sizes may be 1 where others' are not."""
        first, *others = (self.part(place, values) for place, values in enumerate(inputs))
        for added in others:
            first = first + added
        return self.above(first)

    def hidden_units(self, path: str) -> list[HiddenUnits]:
        """Units between the layers, for a tower at ``path``; none where each has a normalization of its own."""
        if self.norms is not None:
            return []
        first = tuple(f"{path}.first.{place}" for place in range(len(self.first)))
        later = [f"{path}.layers.{place}" for place in range(len(self.layers))]
        makers = [first, *((layer,) for layer in later)]
        return [HiddenUnits(made, taker) for made, taker in zip(makers, [*later, f"{path}.output"], strict=True)]

    def _activated(self, values: Tensor, place: int) -> Tensor:
        if self.norms is not None:
            norm = self.norms[place]
            assert isinstance(norm, nn.BatchNorm1d)
            values = _normalized(values, norm)
        dropped: Tensor = self.dropout(F.relu(values, inplace=True))
        return dropped


def _normalized(values: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """``values`` (..., D) normalized over all but the last dimension; a row alone by what was seen before."""
    rows = values.reshape(-1, values.shape[-1])
    if norm.training and len(rows) < 2:
        return F.batch_norm(rows, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps).view_as(
            values
        )
    normalized: Tensor = norm(rows)
    return normalized.view_as(values)

"""Cross layers of DCN V2: bounded-degree products of the inputs' coordinates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rexp.nn.embedding import initialize


class CrossNet(nn.Module):
    """``x_{l+1} = x_0 * (W_l x_l + b_l) + x_l`` (Wang et al.: DCN V2, WWW 2021, eq. 1).

    Args:
        width: of the input.
        depth: layers; products of up to ``depth + 1`` coordinates.
        rank: of every ``W = U V^T`` (eq. 2); None gives W all its entries.
    """

    def __init__(self, width: int, depth: int, rank: int | None = None) -> None:
        super().__init__()
        narrow = depth if rank is not None else 0
        self.down = nn.ModuleList(nn.Linear(width, rank or width, bias=False) for _ in range(narrow))
        self.layers = nn.ModuleList(nn.Linear(rank or width, width) for _ in range(depth))
        for layer in (*self.down, *self.layers):
            initialize(layer.weight, "glorot_uniform")
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            nn.init.zeros_(layer.bias)

    def forward(self, values: Tensor) -> Tensor:
        """(..., width) of the last layer."""
        crossed = values
        for place, layer in enumerate(self.layers):
            narrow = self.down[place](crossed) if len(self.down) else crossed
            crossed = values * layer(narrow) + crossed
        return crossed


class CrossMixture(nn.Module):
    """Cross layers whose weights are mixtures of low-rank experts, chosen by the input (Wang et al., WWW 2021, eq. 3 to
    5).

    ``x_{l+1} = sum over e of softmax(G x_l)_e x_0 * (U_e tanh(C_e tanh(V_e^T x_l)) + b_l) + x_l``

    Args:
        width, depth: as of :class:`CrossNet`.
        rank: of each expert.
        experts: in every layer; the gates G are shared by all layers.
    """

    def __init__(self, width: int, depth: int, rank: int, experts: int) -> None:
        super().__init__()
        self.down = nn.ParameterList(_experts(experts, width, rank) for _ in range(depth))
        self.middle = nn.ParameterList(_experts(experts, rank, rank) for _ in range(depth))
        self.up = nn.ParameterList(_experts(experts, rank, width) for _ in range(depth))
        self.biases = nn.ParameterList(torch.zeros(width) for _ in range(depth))
        self.gate = nn.Linear(width, experts, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """(..., width) of the last layer."""
        crossed = values
        for down, middle, up, bias in zip(self.down, self.middle, self.up, self.biases, strict=True):
            gates = self.gate(crossed).softmax(-1)
            inner = torch.einsum("...w,ewr->...er", crossed, down).tanh()
            inner = torch.einsum("...er,ers->...es", inner, middle).tanh()
            # The gates sum to 1, so that the bias, which all experts share, is added once.
            mixed = torch.einsum("...e,...er,erw->...w", gates, inner, up) + bias
            crossed = values * mixed + crossed
        return crossed


def _experts(experts: int, inputs: int, outputs: int) -> Tensor:
    """(experts, inputs, outputs) initial values: Glorot-uniform each."""
    return torch.stack([initialize(torch.empty(inputs, outputs), "glorot_uniform") for _ in range(experts)])

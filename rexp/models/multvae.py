"""Mult-VAE: a variational auto-encoder of a user's items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.models._auto_encoder import AutoEncoder
from rexp.nn.coupling import HiddenUnits
from rexp.nn.embedding import initialize
from rexp.nn.read_columns import linear_of_columns
from rexp.nn.sparse import SparseMatrix

if TYPE_CHECKING:
    from rexp.api import Batch, DataSpec


@dataclass(frozen=True)
class MultVAEConfig:
    """Options of :class:`MultVAE`.

    Args:
        hidden: sizes of the encoder's hidden layers, from the items on; the decoder has them in reverse.
        latent: size of the code.
        dropout: rate on the user's items.
        beta: weight of the Kullback-Leibler term, once it is annealed.
        annealing_steps: steps over which the weight grows from 0.
    """

    hidden: tuple[int, ...] = (600,)
    latent: int = 200
    dropout: float = 0.5
    beta: float = 0.2
    annealing_steps: int = 2000

    def __post_init__(self) -> None:
        if self.latent < 1 or not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden={list(self.hidden)} and latent={self.latent} must hold sizes of 1 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")
        if self.beta < 0 or self.annealing_steps < 0:
            raise ValueError(f"beta={self.beta} and annealing_steps={self.annealing_steps} must not be negative")


class MultVAE(AutoEncoder):
    """Multinomial likelihood, partially regularized (Liang et al., WWW 2018).

    A user's training items, at length 1 and with dropout, are encoded to the mean and variance of a code, a draw of
    which is decoded to logits of all items; in evaluation the mean is. The loss is the ELBO with the weight ``beta`` on
    its Kullback-Leibler term (eq. 6).
    """

    Config: ClassVar[type] = MultVAEConfig
    steps: Tensor

    def __init__(self, config: MultVAEConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        sizes = [spec.n_items, *config.hidden]
        self.encoder = nn.ModuleList(_linear(a, b) for a, b in pairwise(sizes))
        self.code = _linear(sizes[-1], 2 * config.latent)
        sizes = [config.latent, *reversed(config.hidden)]
        self.decoder = nn.ModuleList(_linear(a, b) for a, b in pairwise(sizes))
        self.output = _linear(sizes[-1], spec.n_items)
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))  # so that a resumed fit anneals on

    def encode(self, profiles: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, (B, latent) each, of (B, I) profiles."""
        first, *others = self.encoder
        read, columns = self.read_profiles(profiles, first)
        hidden = F.dropout(F.normalize(read), self.config.dropout, self.training)
        hidden = torch.tanh(linear_of_columns(first, hidden, columns))
        for layer in others:
            hidden = torch.tanh(layer(hidden))
        mean, log_variance = self.code(hidden).chunk(2, 1)
        return mean, log_variance

    def decode(self, code: Tensor) -> Tensor:
        """(B, H) last hidden layer of (B, latent) codes; the output layer makes logits of it."""
        for layer in self.decoder:
            code = torch.tanh(layer(code))
        return code

    def training_loss(self, batch: Batch) -> Tensor:
        """The negative ELBO of the batch's users, their mean."""
        profiles = self.profiles(batch.query.users)
        mean, log_variance = self.encode(profiles)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        log_likelihood = (F.log_softmax(self.output(self.decode(code)), 1) * profiles).sum(1)
        divergence = (log_variance.exp() + mean.square() - 1 - log_variance).sum(1) / 2
        weight = self._weight()
        self.steps += 1
        return (weight * divergence - log_likelihood).mean()

    def _weight(self) -> Tensor | float:
        """Of the Kullback-Leibler term at this step, which is a number of the device: to read it would wait for it."""
        if not self.config.annealing_steps:
            return self.config.beta
        exact = torch.float32 if self.steps.device.type == "mps" else torch.float64
        return (self.steps.to(exact) / self.config.annealing_steps).clamp(max=1.0) * self.config.beta

    def hidden_units(self) -> Sequence[HiddenUnits]:
        """Hidden units of encoder and decoder, without the code itself."""
        encoder = [*(f"encoder.{place}" for place in range(len(self.encoder))), "code"]
        decoder = [*(f"decoder.{place}" for place in range(len(self.decoder))), "output"]
        return [HiddenUnits((maker,), taker) for path in (encoder, decoder) for maker, taker in pairwise(path)]

    def last_hidden(self, users: Tensor) -> Tensor:
        """(B, H): the decoder's last hidden layer, of the code's mean."""
        return self.decode(self.encode(self.profiles(users))[0])


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """The authors' start: Glorot, and biases near 0."""
    layer = nn.Linear(inputs, outputs)
    initialize(layer.weight, "glorot_uniform")
    nn.init.trunc_normal_(layer.bias, std=0.001)
    return layer

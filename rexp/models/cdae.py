"""CDAE: a denoising auto-encoder of a user's items with a vector of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.models._auto_encoder import AutoEncoder
from rexp.nn.embedding import Init, embedding_table, initialize
from rexp.nn.read_columns import linear_of_columns
from rexp.nn.sparse import SparseMatrix

if TYPE_CHECKING:
    from rexp.api import Batch, DataSpec


@dataclass(frozen=True)
class CDAEConfig:
    """Options of :class:`CDAE`.

    Args:
        factors: size of the hidden layer.
        corruption: rate at which the user's items are dropped before they are encoded.
        negatives: items drawn for each of the user's, towards 0; null takes all items that the user did not take.
        l2: strength of the penalty on the batch's user vectors and on both layers.
    """

    factors: int = 64
    corruption: float = 0.5
    negatives: int | None = 5
    l2: float = 0.0

    def __post_init__(self) -> None:
        if self.factors < 1 or (self.negatives is not None and self.negatives < 1):
            raise ValueError(f"factors={self.factors} and negatives={self.negatives} must be 1 or more")
        if not 0 <= self.corruption < 1:
            raise ValueError(f"corruption={self.corruption} must be at least 0 and below 1")
        if self.l2 < 0:
            raise ValueError(f"l2={self.l2} must not be negative")


class CDAE(AutoEncoder):
    """``W' s(W r~ + v_u + b) + b'`` (Wu et al., WSDM 2016, eqs. 1-2), with the logistic loss.

    r~ are the user's training items, each dropped with the rate ``corruption`` and the others scaled up; s is the
    sigmoid. The loss counts the user's items and ``negatives`` others for each of them (§3.2), summed over the items;
    it is the mean over users.
    """

    Config: ClassVar[type] = CDAEConfig

    def __init__(self, config: CDAEConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config = config
        self.users = embedding_table(spec.n_users, config.factors, Init("glorot_uniform"))
        self.hidden = nn.Linear(spec.n_items, config.factors)
        self.output = nn.Linear(config.factors, spec.n_items)
        for layer in (self.hidden, self.output):
            initialize(layer.weight, "glorot_uniform")
            nn.init.zeros_(layer.bias)
        self.interactions = SparseMatrix(spec.n_users, spec.n_items, persistent=False)

    def encode(self, users: Tensor, profiles: Tensor) -> Tensor:
        """(B, D) hidden layer of ``users`` (B,) with profiles (B, I)."""
        read, columns = self.read_profiles(profiles, self.hidden)
        corrupted = F.dropout(read, self.config.corruption, self.training)
        return torch.sigmoid(linear_of_columns(self.hidden, corrupted, columns) + self.users(users))

    def training_loss(self, batch: Batch) -> Tensor:
        """The logistic loss of the batch's users, their mean."""
        users = batch.query.users
        profiles = self.profiles(users)
        hidden = self.encode(users, profiles)
        losses = F.binary_cross_entropy_with_logits(self.output(hidden), profiles, reduction="none")
        loss = (losses * self._counted(profiles)).sum(1).mean()
        if self.config.l2:
            weights = self.hidden.weight.square().sum() + self.output.weight.square().sum()
            loss = loss + self.config.l2 / 2 * (weights + self.users(users).square().sum() / len(users))
        return loss

    def last_hidden(self, users: Tensor) -> Tensor:
        """(B, D): the hidden layer."""
        return self.encode(users, self.profiles(users))

    def _counted(self, profiles: Tensor) -> Tensor:
        """(B, I) float: 1 for the user's items, and for others with the probability that draws so many of them."""
        if self.config.negatives is None:
            return torch.ones_like(profiles)
        taken = profiles.sum(1, keepdim=True)
        rate = self.config.negatives * taken / (profiles.shape[1] - taken).clamp(min=1)
        return torch.where(profiles > 0, 1.0, (torch.rand_like(profiles) < rate).float())

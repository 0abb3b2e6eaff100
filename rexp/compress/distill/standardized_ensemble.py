"""Several teachers on one scale, each heard where it is sure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softplus

from rexp.api import Capability, Query, RecommenderModule
from rexp.compress.distill._standardize import moments
from rexp.compress.distill.ensemble import Ensemble
from rexp.evaluate.scoring import Scorer
from rexp.evaluate.top_items import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexp.data.split import Split


class StandardizedEnsemble(Ensemble):
    r"""The weighted mean of several models' standardized scores.

    A member's logits :math:`s` of user :math:`u` become :math:`z = (s - \mu_u) / \sigma_u`, mean and deviation being
    those of the catalogue, so that members of different losses contribute alike. Its weight is then multiplied by how
    sure it is, which is one less its normalized entropy, and the weights are made to sum to 1 again:

    * ``by_user``: the entropy of the softmax over the catalogue, as in Kwon et al., "Adaptive knowledge distillation
      based on entropy" (ICASSP 2020), with the class a user's next item;
    * ``by_pair``: the entropy of the Bernoulli variable with :math:`p = \sigma(z)`, for each user and item.

    Args:
        members: finished models that score any pair, and read no context.
        weights: one a member, summing to 1.
        split: whose users they have; their moments are taken over its catalogue, at the cost of one ranking a member.
        way: ``by_user`` or ``by_pair``; ``standardized`` leaves the weights as they are.
    """

    means: Tensor
    deviations: Tensor
    shares: Tensor

    def __init__(self, members: Sequence[RecommenderModule], weights: Sequence[float], split: Split, way: str) -> None:
        super().__init__(members, weights)
        self.way = way
        known = [_of_users(member.eval(), split, way) for member in self.members]  # without dropout
        means, deviations, sure = (torch.stack(parts) for parts in zip(*known, strict=True))
        own = torch.tensor(self.weights).unsqueeze(1)
        self.register_buffer("means", means)
        self.register_buffer("deviations", deviations)
        self.register_buffer("shares", _normalized(own * sure))

    def capabilities(self) -> frozenset[Capability]:
        """As of :class:`Ensemble`, but for vectors: no dot product has these scores."""
        return super().capabilities() - {Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT}

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Mean standardized scores of ``items`` (B,) or (B, K), in their shape."""
        return self._combined(query, [model.score(self._of(model, query), items) for model in self.members])

    def score_all(self, query: Query) -> Tensor:
        """(B, I) mean standardized scores of the catalogue; where every member has them."""
        return self._combined(query, [model.score_all(self._of(model, query)) for model in self.members])

    def _combined(self, query: Query, scores: Sequence[Tensor]) -> Tensor:
        shape = (len(self.weights), len(query.users), *[1] * (scores[0].dim() - 1))
        means, deviations, shares = (
            rows[:, query.users].view(shape) for rows in (self.means, self.deviations, self.shares)
        )
        standardized = (torch.stack(list(scores)) - means) / deviations
        if self.way == "by_pair":
            shares = _normalized(shares * pair_confidence(standardized))
        return (shares * standardized).sum(0)


def combine(members: Sequence[RecommenderModule], weights: Sequence[float], split: Split, way: str) -> Ensemble:
    """Several teachers as one: their ``mean``, or one of the ways of :class:`StandardizedEnsemble`."""
    return Ensemble(members, weights) if way == "mean" else StandardizedEnsemble(members, weights, split, way)


def user_confidence(scores: Tensor) -> Tensor:
    """(U,) one less the entropy of the softmax over each row of (U, I), as a share of that of a uniform one.

    >>> user_confidence(torch.tensor([[5.0, 5.0, 5.0], [100.0, 0.0, 0.0]]))
    tensor([0., 1.])
    """
    logs = log_softmax(scores, dim=1)
    return (1 + (logs.exp() * logs).sum(1) / math.log(scores.shape[1])).clamp(min=0)


def pair_confidence(scores: Tensor) -> Tensor:
    """One less the entropy, in bits, of a Bernoulli variable whose logits are ``scores``, in their shape.

    >>> pair_confidence(torch.tensor([0.0, 100.0, -100.0]))
    tensor([0., 1., 1.])
    """
    entropy = softplus(scores) - scores.sigmoid() * scores
    return (1 - entropy / math.log(2)).clamp(min=0)


def _normalized(weights: Tensor) -> Tensor:
    """(M, ...) weights that sum to 1 over the members; equal where none is sure of anything."""
    return (weights + 1e-12) / (weights + 1e-12).sum(0)


@torch.no_grad()
def _of_users(model: RecommenderModule, split: Split, way: str) -> tuple[Tensor, Tensor, Tensor]:
    """(U,) means and deviations of a member's scores of the catalogue, and its confidences, else 1."""
    scorer = Scorer(model, split, ["train"], torch.device("cpu"), BLOCK_BYTES)
    blocks = []
    for users in torch.split(torch.arange(split.n_users), 1024):
        scores = scorer.catalogue(users)
        means, deviations = moments(scores)
        sure = torch.ones(len(users))
        if way == "by_user":
            sure = user_confidence((scores - means.unsqueeze(1)) / deviations.unsqueeze(1))
        blocks.append((means, deviations, sure))
    means, deviations, sure = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    return means, deviations, sure

"""Recall of an approximate index against exact search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rexp.api.retrieval import METRIC
from rexp.evaluate.protocols.candidate_sources import MOST_USERS
from rexp.evaluate.topk import NEVER

if TYPE_CHECKING:
    from rexp.evaluate.embeddings import ItemFeatureVectors, ModelVectors
    from rexp.evaluate.protocols.retrieved_candidates import RetrievedCandidates


class IndexRecall:
    """Compares candidates with those of an exact search over the same vectors, seen items left out of both.

    Args:
        source: the candidates' source, opened.
        n_users: users of the pass.
        cosine: the index compares directions.

    An item counts as found in its place where its score is that of the last exact candidate but for rounding: index and
    exact search sum in different orders.
    """

    def __init__(self, source: RetrievedCandidates, n_users: int, *, cosine: bool) -> None:
        self.source, self.cosine = source, cosine
        self.vectors: ModelVectors | ItemFeatureVectors = source.vectors
        items = self.vectors.items().float()
        self.items = normalize(items, dim=1) if cosine else items
        # A sum of D products is off by D eps / 2 of the norms at most; two items are compared, with two sums of each.
        self.rounding = 2 * self.items.shape[1] * torch.finfo(torch.float32).eps * float(self.items.norm(dim=1).max())
        self.outside = torch.ones(len(items), dtype=torch.bool, device=items.device)
        self.outside[source.catalogue] = False
        self.values = torch.full((n_users,), torch.nan, dtype=torch.float64)

    def add(self, start: int, users: Tensor, candidates: Tensor) -> None:
        """Take in the candidates (B, N) of the users ``start``, ``start + 1`` ... of the pass."""
        # The length of a user's vector changes no order.
        for block, found in zip(torch.split(users, MOST_USERS), torch.split(candidates, MOST_USERS), strict=True):
            queries = self.vectors.users(block).float()
            exact = queries @ self.items.T
            exact[:, self.outside] = NEVER
            exact.view(-1).index_fill_(0, self.source.mask.flat(block), NEVER)
            best = exact.topk(self.source.width).values
            available = (best > NEVER).sum(1)
            last = best.gather(1, (available - 1).clamp(min=0).unsqueeze(1))
            # By score, not by item: of equal scores at the end of the list any may stand there.
            rounding = self.rounding * queries.norm(dim=1, keepdim=True)
            reached = (exact.gather(1, found.clamp(min=0)) >= last - rounding) & (found >= 0)
            share = reached.sum(1).clamp(max=available).double() / available
            self.values[start : start + len(block)] = share.cpu()
            start += len(block)

    def mean(self) -> float:
        """Mean share of the exact candidates; users to whom nothing can be recommended are left out."""
        return float(self.values.nanmean())


def compares_directions(config: Any) -> bool:
    """Whether a retriever's options ask for the cosine."""
    return METRIC.of(config) == "cosine"

"""Error attribution in two stages: relevant items missed by retrieval or misranked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from rexp.api import TopKLists
    from rexp.evaluate.user_items import UserItems


class Attribution:
    """Counts hits of every user at three places, so that the parts add up to the whole.

    With R the user's relevant items (cold ones included), C the candidates and L the list of k:
    achievable ``a = min(k, |R|)``, ceiling ``c = min(k, |R ∩ C|)``, found ``g = |R ∩ L|``.
    Of ``a - g`` lost hits ``a - c`` are missed by retrieval and ``c - g`` misranked; each is divided by ``|R|``, which
    makes it a loss of recall@k. Where the rule for ties takes a mean over their orders, ``g`` is that mean, and else a
    whole number.

    Args:
        cuts: the cuts k.
        n_users: users of the pass.
        targets: what is relevant.
    """

    def __init__(self, cuts: Sequence[int], n_users: int, targets: UserItems) -> None:
        self.cuts, self.targets = list(dict.fromkeys(cuts)), targets
        self.relevant = torch.zeros(n_users, dtype=torch.int64)
        self.retrieved = torch.zeros(n_users, dtype=torch.int64)
        self.found = {k: torch.zeros(n_users, dtype=torch.float64) for k in self.cuts}

    def add(self, start: int, candidates: Tensor, lists: TopKLists, hits: Tensor) -> None:
        """Take in the candidates (B, N), lists and hits (B, K), or chances of them, of the users from ``start`` on."""
        stop = start + len(lists.users)
        self.relevant[start:stop] = lists.n_relevant.cpu()
        self.retrieved[start:stop] = self.targets.contains(lists.users, candidates).sum(1).cpu()
        for k in self.cuts:
            self.found[k][start:stop] = hits[:, :k].sum(1).cpu()

    def per_user(self) -> dict[str, Tensor]:
        """(n_users,) float64 each: candidate_recall, and at every cut recall_ceiling, missed, misranked and gap."""
        values = {"candidate_recall": self.retrieved.double() / self.relevant}
        for k in self.cuts:
            achievable, ceiling, found = self._hits(k)
            divisor = self.relevant.double()  # whole numbers alone would be divided in single precision
            values[f"recall_ceiling@{k}"] = ceiling / divisor
            values[f"missed@{k}"] = (achievable - ceiling) / divisor
            values[f"misranked@{k}"] = (ceiling - found) / divisor
            values[f"gap@{k}"] = (achievable - found) / divisor
        return values

    def means(self) -> dict[str, float]:
        """The means over users; ``gap`` is the sum of its parts to the last digit."""
        means = {name: float(values.mean()) for name, values in self.per_user().items()}
        return means | {f"gap@{k}": means[f"missed@{k}"] + means[f"misranked@{k}"] for k in self.cuts}

    def facts(self) -> dict[str, dict[str, float]]:
        """Hits of all users, by cut, and the same split of NDCG in means."""
        return {f"attribution@{k}": self._counts(k) | self._ndcg(k) for k in self.cuts}

    def _hits(self, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Achievable and ceiling int64, and found float64 hits (n_users,)."""
        return self.relevant.clamp(max=k), self.retrieved.clamp(max=k), self.found[k]

    def _counts(self, k: int) -> dict[str, float]:
        achievable, ceiling, hits = (float(values.sum()) for values in self._hits(k))
        missed, misranked = achievable - ceiling, ceiling - hits
        counts = {"achievable": achievable, "ceiling": ceiling, "found": hits}
        counts |= {"missed": missed, "misranked": misranked, "gap": missed + misranked}
        return {name: int(count) if count.is_integer() else count for name, count in counts.items()}

    def _ndcg(self, k: int) -> dict[str, float]:
        """The best NDCG@k that the candidates allow, and what is missing to 1: every retrieved item is ranked first."""
        gains = torch.cat([torch.zeros(1).double(), (1 / torch.log2(torch.arange(2, k + 2).double())).cumsum(0)])
        ceiling = gains[self.retrieved.clamp(max=k)] / gains[self.relevant.clamp(max=k)]
        return {"ndcg_ceiling": float(ceiling.mean()), "ndcg_missed": 1 - float(ceiling.mean())}

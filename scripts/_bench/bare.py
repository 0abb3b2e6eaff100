"""The other side of the comparison: NeuMF and its training in plain PyTorch, as one would write it well by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from _bench.clock import now

if TYPE_CHECKING:
    from rexp.data.split import Split

NEGATIVES = 4


class NeuMF(nn.Module):
    """Four tables, as in the paper: GMF 8, MLP 64-32-16-8."""

    def __init__(self, n_users: int, n_items: int, dropout: float) -> None:
        super().__init__()
        self.user_gmf, self.item_gmf = nn.Embedding(n_users, 8), nn.Embedding(n_items, 8)
        self.user_mlp, self.item_mlp = nn.Embedding(n_users, 32), nn.Embedding(n_items, 32)
        for table in (self.user_gmf, self.item_gmf, self.user_mlp, self.item_mlp):
            nn.init.normal_(table.weight, std=0.01)
        layers: list[nn.Module] = []
        for size in (64, 32, 16):
            if dropout:
                layers.append(nn.Dropout(dropout))
            layers += [nn.Linear(size, size // 2), nn.ReLU(inplace=True)]
        self.tower = nn.Sequential(*layers)
        self.predict = nn.Linear(16, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        gmf = self.user_gmf(users) * self.item_gmf(items)
        mlp = self.tower(torch.cat([self.user_mlp(users), self.item_mlp(items)], dim=1))
        return self.predict(torch.cat([gmf, mlp], dim=1)).squeeze(1)


def epochs(split: Split, batch_size: int, dropout: float, count: int) -> list[float]:
    """Seconds of each of ``count`` whole epochs: negatives, shuffle and training."""
    torch.manual_seed(0)
    users = torch.from_numpy(split.train.users.astype("int64"))
    items = torch.from_numpy(split.train.items.astype("int64"))
    known = (users * split.n_items + items).sort().values
    model = NeuMF(split.n_users, split.n_items, dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    loss_of = nn.BCEWithLogitsLoss()
    seconds = []
    for _ in range(count):
        started = now()
        negatives_users, negatives = users.repeat_interleave(NEGATIVES), _negatives(users, known, split.n_items)
        every_user, every_item = torch.cat([users, negatives_users]), torch.cat([items, negatives])
        labels = torch.cat([torch.ones(len(users)), torch.zeros(len(negatives))])
        total = torch.zeros(())
        for batch in torch.randperm(len(labels)).split(batch_size):
            loss = loss_of(model(every_user[batch], every_item[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        assert torch.isfinite(total)
        seconds.append(now() - started)
    return seconds


def _negatives(users: Tensor, known: Tensor, n_items: int) -> Tensor:
    """Uniform items, drawn again where they are known positives."""
    users = users.repeat_interleave(NEGATIVES)
    items = torch.randint(n_items, users.shape)
    left = torch.arange(len(users))
    while len(left):
        keys = users[left] * n_items + items[left]
        places = torch.searchsorted(known, keys).clamp_(max=len(known) - 1)
        left = left[known[places] == keys]
        items[left] = torch.randint(n_items, left.shape)
    return items

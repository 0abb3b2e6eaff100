"""A planted split and what every test of a model needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rexp.api import Batch, Capability, DataSpec, Query
from rexp.data.interactions import Interactions
from rexp.data.split import Split

SPEC = DataSpec(n_users=7, n_items=11, n_train=20)


def two_tastes(n_users: int = 40, n_items: int = 31, taken: int = 8) -> Split:
    """Even users take items of the first half, odd users of the second; the last item is never taken."""
    random = np.random.default_rng(0)
    half = n_items // 2
    users = np.repeat(np.arange(n_users, dtype=np.int32), taken)
    items = np.concatenate([half * (user % 2) + np.sort(random.permutation(half)[:taken]) for user in range(n_users)])
    train = Interactions(users, items.astype(np.int32))
    nothing = train.take(np.zeros(len(train), bool))
    return Split("two tastes", train, nothing, nothing, n_users, n_items, fingerprint="two tastes")


@torch.no_grad()
def shaken(model: Any, seed: int = 0, dtype: torch.dtype = torch.float64) -> Any:
    """The model with every parameter drawn anew, so that no bias is 0 and no two scores are alike.

    In float64, so that two orders of summing differ by far less than ``assert_close`` allows.
    """
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model.to(dtype).eval()


@torch.no_grad()
def check_capabilities(model: Any, spec: DataSpec) -> Tensor:
    """Every promised way to score agrees with ``score``; returns the scores of the whole catalogue."""
    users = torch.randint(spec.n_users, (13,), generator=torch.Generator().manual_seed(0))
    query = Query(users)
    catalogue = torch.arange(spec.n_items).expand(13, -1)
    matrix: Tensor = model.score(query, catalogue)
    assert matrix.shape == (13, spec.n_items)
    one_by_one = torch.stack([model.score(query, catalogue[:, item]) for item in range(spec.n_items)], 1)
    torch.testing.assert_close(one_by_one, matrix)
    can: frozenset[Capability] = model.capabilities()
    if Capability.SCORES_ALL_ITEMS in can:
        torch.testing.assert_close(model.score_all(query), matrix)
    if Capability.DOT_PRODUCT in can:
        torch.testing.assert_close(model.user_embeddings(query) @ model.item_embeddings().T, matrix)
    if Capability.REGULARIZED in can:
        assert model.penalty(Batch(query, catalogue)).shape == ()
    promised = {
        Capability.HAS_EMBEDDINGS: "user_embeddings",
        Capability.CLOSED_FORM: "fit",
        Capability.REGULARIZED: "penalty",
    }
    assert all(hasattr(model, method) for capability, method in promised.items() if capability in can)
    return matrix


def learn(model: Any, split: Split, steps: int = 150) -> float:
    """Train with a bare loop; the share of users whose best item is of their taste."""
    users = torch.tensor(split.train.users).long()
    items = torch.tensor(split.train.items).long()
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    generator = torch.Generator().manual_seed(0)
    model.train()
    for _ in range(steps):
        negatives = torch.randint(split.n_items, items.shape, generator=generator)
        both = torch.stack([items, negatives], 1)
        scores = model.score(Query(users), both)
        loss = -torch.nn.functional.logsigmoid(scores[:, 0] - scores[:, 1]).mean()
        if Capability.REGULARIZED in model.capabilities():
            loss = loss + model.penalty(Batch(Query(users), both))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    everyone = torch.arange(split.n_users)
    best = model.score_all(Query(everyone)).argmax(1)
    return (best // (split.n_items // 2) == everyone % 2).double().mean().item()

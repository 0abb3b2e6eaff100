"""The stage: how many zeros, where, and that they stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rexp_starter.random_prune import RandomPrune, RandomPruneConfig
from torch import nn

from rexp.api import ConfigError, Init, Interactions, Split, StageContext, adopt_embeddings, embedding_table

ONE = Interactions(np.zeros(1, np.int32), np.zeros(1, np.int32))
SPLIT = Split("one", ONE, ONE, ONE, n_users=1, n_items=1, fingerprint="f")


class TwoTables(nn.Module):
    """A table of each kind, as an author may make one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.users, self.items = embedding_table(10, 4, Init()), nn.Embedding(20, 4)
        adopt_embeddings(self)  # as rexp does with every model


def attach(model: nn.Module, seed: int = 0, **options: object) -> tuple[nn.Module, StageContext]:
    context = StageContext(SPLIT, torch.Generator().manual_seed(seed))
    return RandomPrune(RandomPruneConfig(**options)).attach(model, context), context  # type: ignore[arg-type]


def zeros(model: TwoTables) -> list[int]:
    return [int((table.weight == 0).sum()) for table in (model.users, model.items)]


def test_a_share_of_each_table_is_zero_and_stays_so_through_steps() -> None:
    model = TwoTables()
    hook, context = attach(model, sparsity=0.25)
    assert zeros(model) == [10, 20]
    assert context.found == {"zeros": 30}
    gone = model.items.weight == 0
    with torch.no_grad():
        model.items.weight += 1
    hook.after_step()  # type: ignore[operator]
    assert torch.equal(model.items.weight == 0, gone)
    assert not list(hook.parameters())


def test_places_follow_from_the_generator() -> None:
    models = [TwoTables() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        attach(model, seed)
    places = [model.items.weight == 0 for model in models]
    assert torch.equal(places[0], places[1])
    assert not torch.equal(places[0], places[2])


def test_patterns_choose_tables() -> None:
    model = TwoTables()
    attach(model, ignore=("users",))
    assert zeros(model) == [0, 40]
    with pytest.raises(ConfigError, match="leaves no EmbeddingTable"):
        attach(model, targets=("tower.*",))

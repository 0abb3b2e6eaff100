"""Models of sequences: padding is nothing, nothing later is seen, and every way to score agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Query
from rexp.errors import ConfigError
from rexp.models._sequential import by_length
from rexp.models.gru4rec import GRU4Rec, GRU4RecConfig
from rexp.models.sasrec import SASRec, SASRecConfig

from .helpers import shaken

SPEC = DataSpec(n_users=7, n_items=11, n_train=20)
HISTORY = torch.tensor([[-1, -1, 3, 10], [4, 0, 0, 7], [-1, -1, -1, -1], [-1, 5, 2, 1]])
USERS = torch.arange(4)
Make = Callable[..., Any]


def sasrec(spec: DataSpec = SPEC, **options: Any) -> SASRec:
    return SASRec(SASRecConfig(**{"factors": 6, "history_length": 6, "heads": 2} | options), spec)


def gru4rec(spec: DataSpec = SPEC, **options: Any) -> GRU4Rec:
    return GRU4Rec(GRU4RecConfig(**{"factors": 6, "hidden": 5, "history_length": 6, "layers": 2} | options), spec)


both = pytest.mark.parametrize("make", [sasrec, gru4rec])


def scores(model: Any, history: Tensor) -> Tensor:
    result: Tensor = model.score_all(Query(torch.arange(len(history)), history))
    return result


@both
@torch.no_grad()
def test_every_way_to_score_agrees(make: Make) -> None:
    model = shaken(make())
    query = Query(USERS, HISTORY)
    matrix = model.score_all(query)
    catalogue = torch.arange(11).expand(4, -1)
    torch.testing.assert_close(model.score(query, catalogue), matrix)
    torch.testing.assert_close(model.score(query, catalogue[:, 5]), matrix[:, 5])
    torch.testing.assert_close(model.user_embeddings(query) @ model.item_embeddings().T, matrix)
    last = model.score_sequence(query, catalogue.unsqueeze(1).expand(-1, 4, -1))[:, -1]
    read = torch.tensor([0, 1, 3])
    torch.testing.assert_close(last[read], matrix[read])
    assert Capability.SCORES_SEQUENCES in model.capabilities()


@both
@torch.no_grad()
def test_a_request_does_not_ask_for_all_rows(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model, few = shaken(make()), torch.tensor([[1, 2]] * 4)
    monkeypatch.delattr(type(model.items), "rows")  # slow to make of a table that is packed, or of described items
    assert model.score(Query(USERS, HISTORY), few).shape == (4, 2)
    assert model.score_sequence(Query(USERS, HISTORY), few.unsqueeze(1).expand(-1, 4, -1)).shape == (4, 4, 2)


@both
@torch.no_grad()
def test_without_any_history_there_are_zeros(make: Make) -> None:
    model, nothing = shaken(make()), torch.full((2, 4), -1)
    assert not scores(model, nothing).any()
    assert not model.score_sequence(Query(USERS[:2], nothing), torch.zeros(2, 4, 3, dtype=torch.int64)).any()


@both
@torch.no_grad()
def test_padding_changes_nothing(make: Make) -> None:
    model = shaken(make())
    alone = torch.cat([scores(model, row[row >= 0].unsqueeze(0)) for row in HISTORY[[0, 1, 3]]])
    torch.testing.assert_close(scores(model, HISTORY)[[0, 1, 3]], alone)
    wider = torch.cat([torch.full((4, 2), -1), HISTORY], 1)
    torch.testing.assert_close(scores(model, wider), scores(model, HISTORY))


@both
@torch.no_grad()
def test_a_position_sees_nothing_later(make: Make) -> None:
    model = shaken(make())
    items = torch.arange(11).expand(1, 4, -1)
    history = torch.tensor([[4, 0, 2, 7]])
    before = model.score_sequence(Query(USERS[:1], history), items)
    changed = model.score_sequence(Query(USERS[:1], torch.tensor([[4, 0, 9, 1]])), items)
    torch.testing.assert_close(before[:, :2], changed[:, :2])
    assert not torch.allclose(before[:, 2:], changed[:, 2:])


@both
@torch.no_grad()
def test_without_a_history_all_scores_are_alike(make: Make) -> None:
    model = shaken(make())
    assert not scores(model, HISTORY)[2].any()
    assert not model.score_all(Query(USERS)).any()


@both
@torch.no_grad()
def test_only_the_latest_items_are_read(make: Make) -> None:
    model = shaken(make(history_length=3))
    long = torch.tensor([[1, 2, 3, 4, 5, 6]])
    torch.testing.assert_close(scores(model, long), scores(model, long[:, -3:]))
    with pytest.raises(ConfigError, match="history_length=3"):
        model.score_sequence(Query(USERS[:1], long), long.unsqueeze(-1))


@both
def test_it_learns_what_follows(make: Make) -> None:
    """Item i is followed by i + 1, round and round; sequences are of many lengths."""
    torch.manual_seed(0)
    model = make(factors=16, dropout=0.0)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    catalogue = torch.arange(11).expand(40, 6, -1)
    for _ in range(60):
        starts = torch.randint(11, (40, 1), generator=generator)
        history = (starts + torch.arange(6)) % 11
        history[torch.arange(6) < torch.randint(6, (40, 1), generator=generator)] = -1
        places = history >= 0
        logits = model.score_sequence(Query(torch.arange(40), history), catalogue)[places]
        loss = torch.nn.functional.cross_entropy(logits, (history[places] + 1) % 11)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    asked = torch.tensor([[-1, 2, 3], [7, 8, 9], [-1, -1, 10]])
    assert scores(model, asked).argmax(1).tolist() == [4, 10, 0]


def test_histories_are_grouped_by_length_and_moved_to_the_left() -> None:
    ((rows, items, lengths),) = by_length(HISTORY)
    assert rows.tolist() == [1, 3, 0]
    assert lengths.tolist() == [4, 3, 2]
    assert items.tolist() == [[4, 0, 0, 7], [5, 2, 1, 0], [3, 10, 0, 0]]


def test_more_histories_of_one_length_are_encoded_together() -> None:
    history = torch.full((70, 4), 3)
    history[:3, 0] = -1
    assert [len(rows) for rows, _, _ in by_length(history)] == [67, 3]
    assert [len(rows) for rows, _, _ in by_length(torch.full((40, 400), 3))] == [32, 8]


@torch.no_grad()
def test_sasrec_is_its_formula() -> None:
    """One head, one block, written out for one sequence."""
    model = shaken(sasrec(factors=4, heads=1, blocks=1))
    history = torch.tensor([[3, 10, 1]])
    x = model.items.rows()[history[0]] * 2 + model.positions.rows()[-3:]
    block = model.blocks[0]
    normed = block.attention_norm(x)
    weights = block.query(normed) @ block.key(x).T / 2
    weights = weights.masked_fill(torch.ones(3, 3).triu(1).bool(), float("-inf")).softmax(1)
    y = block.hidden_norm(weights @ block.value(x) + normed)
    y = block.output(block.hidden(y).relu()) + y
    expected = model.norm(y)[-1]
    torch.testing.assert_close(model.user_embeddings(Query(USERS[:1], history))[0], expected)


@pytest.mark.parametrize("heads", [1, 2])
def test_sasrec_is_trained_through_the_attention_that_it_ranks_by(heads: int) -> None:
    """By parts in training, by torch's own operation else: the same scores and gradients without dropout."""
    model = shaken(sasrec(heads=heads, dropout=0.0)).eval()
    found = {}
    for trained in (False, True):
        model.train(trained)
        model.zero_grad()
        ranked = scores(model, HISTORY)
        ranked.square().sum().backward()
        found[trained] = ranked.detach(), [parameter.grad.clone() for parameter in model.parameters()]  # type: ignore[union-attr]
    torch.testing.assert_close(found[True][0], found[False][0])
    torch.testing.assert_close(found[True][1], found[False][1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_sasrec_in_training_sees_nothing_later(dropout: float) -> None:
    model = shaken(sasrec(dropout=dropout)).train()

    def first(last: int) -> Tensor:
        torch.manual_seed(0)
        return model.encode(torch.tensor([[1, 2, last]]), torch.tensor([3]))[0, :2]

    torch.testing.assert_close(first(3), first(4))


@pytest.mark.parametrize("options", [{"factors": 0}, {"heads": 4}, {"dropout": 1.0}, {"history_length": 0}])
def test_impossible_options_of_sasrec_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        sasrec(**options)


@pytest.mark.parametrize("options", [{"hidden": 0}, {"dropout": -0.1}])
def test_impossible_options_of_gru4rec_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        gru4rec(**options)

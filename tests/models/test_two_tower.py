"""Two towers: the formula of each, padding, features, kept item vectors, and that they learn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from rexp.api import Capability, DataSpec, Layout, Query, RawData
from rexp.compress.quantize.rowwise import RowwiseTable
from rexp.errors import ConfigError
from rexp.losses.sampled_softmax import SampledSoftmax, SampledSoftmaxConfig
from rexp.models.two_tower import TwoTower, TwoTowerConfig
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.sliding import sliding
from rexp.prepare.build import build_split
from rexp.prepare.cache import read_folder, write_folder
from rexp.prepare.filter_config import FilterConfig
from rexp.samplers.in_batch import InBatch, InBatchConfig
from rexp.splits.leave_last import LeaveLast, LeaveLastConfig
from rexp.train.batches import Batches

from .helpers import SPEC, check_capabilities, learn, shaken, two_tastes

if TYPE_CHECKING:
    from rexp.data.split import Split

HISTORY = torch.tensor([[-1, -1, 3, 10], [4, 0, 0, 7], [-1, -1, -1, -1], [-1, 5, 2, 1]])
USERS = torch.arange(4)
QUERY = Query(USERS, HISTORY)
VARIANTS: list[dict[str, Any]] = [
    {},
    {"layers": ()},
    {"use_user_id": True, "item_layers": (5,), "share_items": False},
    {"history_length": 0, "use_user_id": True},
    {"normalize": True, "temperature": 0.1},
]


PLAIN: dict[str, Any] = {
    "factors": 6,
    "layers": (7,),
    "history_length": 4,
    "dropout": 0.0,
    "normalize": False,
    "temperature": 1.0,
}


def two_tower(spec: DataSpec = SPEC, **options: Any) -> TwoTower:
    return TwoTower(TwoTowerConfig(**(PLAIN | options)), spec)


@pytest.fixture(scope="module")
def genres(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """60 users who take 8 of the 20 items of their genre, and last of all one of 4 that nobody has in training."""
    random = np.random.default_rng(0)
    rows: list[tuple[int, int, int]] = []
    for user in range(60):
        taste = user % 2
        warm = [taste + 2 * item for item in random.permutation(20)[:8]]
        rows += [(user, item, time) for time, item in enumerate([*warm, 40 + taste + 2 * (user // 2 % 4)])]
    items = pl.DataFrame({"item": range(48)}).with_columns(
        genres=pl.when(pl.col("item") % 2 == 0).then(pl.lit("even|all")).otherwise(pl.lit("odd")),
        year=pl.Series([1900.0 + item for item in range(48)]),
    )
    users = pl.DataFrame({"user": range(60), "color": ["red", "green", None] * 20})
    interactions = pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")
    raw = RawData(interactions, items=items, users=users)
    folder = tmp_path_factory.mktemp("genres") / "split"
    write_folder(build_split("genres", raw, LeaveLast(LeaveLastConfig()), FilterConfig()), folder)
    return read_folder(folder)


def observing(split: Split, **options: Any) -> TwoTower:
    model = two_tower(split.spec, **options)
    if Capability.NEEDS_TRAIN_DATA in model.capabilities():
        model.bind(split)
    return model


def train(model: TwoTower, split: Split, epochs: int) -> TwoTower:
    """Fit as its recipe does: in-batch negatives with a corrected softmax."""
    loss, sampler = SampledSoftmax(SampledSoftmaxConfig()), InBatch(InBatchConfig(), split)
    batches = Batches(
        split.train, split.n_users, Layout.LISTWISE, 64, sampler, seed=0, history_length=model.history_length or None
    )
    optimizer = torch.optim.Adam(model.parameters(), 0.01, fused=True)
    model.train()
    for batches.epoch in range(epochs):
        for chunk in batches:
            for batch in chunk:
                optimizer.zero_grad()
                loss(model.score(batch.query, batch.items), batch).backward()
                optimizer.step()
    return model.eval()


def learned(genres: Split, **options: Any) -> TwoTower:
    torch.manual_seed(0)
    return train(observing(genres, factors=16, **options), genres, epochs=40)


def tastes(genres: Split) -> tuple[Tensor, Tensor]:
    """Which genre each user and each item is of."""
    users = genres.user_ids().cast(pl.Int64).to_numpy() % 2
    items = genres.items_table()["item"].cast(pl.Int64).to_numpy() % 2
    return torch.from_numpy(users), torch.from_numpy(items)


# ---- scores


@pytest.mark.parametrize("options", VARIANTS)
@torch.no_grad()
def test_every_way_to_score_agrees(options: dict[str, Any]) -> None:
    model = shaken(two_tower(**options))
    check_capabilities(model, SPEC)  # without a history
    matrix = model.score_all(QUERY)
    catalogue = torch.arange(11).expand(4, -1)
    torch.testing.assert_close(model.score(QUERY, catalogue), matrix)
    torch.testing.assert_close(model.score(QUERY, catalogue[:, [3, 3, 8]]), matrix[:, [3, 3, 8]])
    torch.testing.assert_close(model.score(QUERY, catalogue[:, 5]), matrix[:, 5])
    torch.testing.assert_close(model.user_embeddings(QUERY) @ model.item_embeddings().T, matrix)
    assert (Capability.SEQUENTIAL in model.capabilities()) == (options.get("history_length") != 0)


@pytest.mark.parametrize("options", VARIANTS)
def test_scores_in_training_are_those_of_evaluation(options: dict[str, Any]) -> None:
    model = shaken(two_tower(**options))
    items = torch.tensor([[10, 3], [3, 3], [0, 7], [1, 2]])
    with torch.no_grad():
        expected = model.score(QUERY, items)
    torch.testing.assert_close(model.train().score(QUERY, items), expected)
    one_for_many = model.score(QUERY, items[:, :1].expand(-1, 2))  # all users with all items
    torch.testing.assert_close(one_for_many[:, 0], expected[:, 0])


@torch.no_grad()
def test_a_large_catalogue_is_scored_alike() -> None:
    """Where a user's items are few among the batch's, each pair is scored for itself."""
    spec = DataSpec(n_users=300, n_items=5000, n_train=1)
    model = shaken(two_tower(spec)).train()
    items = torch.randperm(5000, generator=torch.Generator().manual_seed(0))[:600].view(300, 2)
    query = Query(torch.arange(300), torch.randint(-1, 5000, (300, 4), generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(model.score(query, items), model.score_all(query).gather(1, items), rtol=1e-4, atol=1e-4)


def test_in_batch_lists_are_scored_as_their_copies_are() -> None:
    """They slide along one line, along which two towers look for the distinct items."""
    model = shaken(two_tower())
    lists = sliding(torch.tensor([3, 7, 3, 0, 3, 7, 3]), 4)
    query, weights = QUERY, list(model.parameters())
    slid, copied = model.score(query, lists), model.score(query, lists.contiguous())
    assert torch.equal(slid, copied)
    ours, theirs = (torch.autograd.grad(scores.square().sum(), weights) for scores in (slid, copied))
    assert all(map(torch.equal, ours, theirs))


@torch.no_grad()
def test_the_score_is_the_formula_s(genres: Split) -> None:
    model = shaken(observing(genres, use_user_id=True, normalize=True, temperature=0.5))
    state, features = model.state_dict(), genres.features()
    sets = features["item.genres"].values
    user, item, history = 4, int(np.flatnonzero((sets == 0).any(1))[3]), [3, 17]  # an item with padding in its set
    codes = [code for code in sets[item].tolist() if code]
    year = float(features["item.year"].values[item])
    assert model.item_features is not None
    by_year, by_genre = (vectors.table.rows() for vectors in model.item_features.features)
    if model.item_features.names[0] == "item.genres":
        by_year, by_genre = by_genre, by_year
    vector = state["items.weight"][item] + year * by_year[0] + sum(by_genre[code] for code in codes) / len(codes)
    vector = vector / vector.norm()
    color = state["user_features.features.0.table.weight"][int(features["user.color"].values[user])]
    mean = (state["items.weight"][3] + state["items.weight"][17]) / 2
    hidden = torch.cat([mean, state["users.weight"][user], color])
    first, last = (layer for layer in model.user_tower if isinstance(layer, torch.nn.Linear))
    hidden = (first.weight @ hidden + first.bias).clamp(min=0)
    hidden = last.weight @ hidden + last.bias
    expected = hidden / hidden.norm() @ vector / 0.5
    query = Query(torch.tensor([user]), torch.tensor([[-1, *history]]))
    torch.testing.assert_close(model.score(query, torch.tensor([item]))[0], expected)


@pytest.mark.parametrize("share_items", [True, False])
def test_padding_changes_nothing(share_items: bool) -> None:
    model = shaken(two_tower(share_items=share_items, history_length=9))
    with torch.no_grad():
        alone = torch.cat([model.score_all(Query(USERS[:1], row[row >= 0].unsqueeze(0))) for row in HISTORY])
        torch.testing.assert_close(model.score_all(QUERY), alone)
        wider = torch.cat([torch.full((4, 3), -1), HISTORY], 1)
        torch.testing.assert_close(model.score_all(Query(USERS, wider)), alone)
        torch.testing.assert_close(model.score_all(Query(USERS[:1])), alone[2:3])
    # Nor does it learn: what stands in for padding gets no gradient.
    model.train().user_embeddings(Query(USERS[:1], torch.tensor([[-1, -1, 7]]))).sum().backward()
    table = model.items if model.history is None else model.history
    assert table.weight.grad is not None
    assert table.weight.grad.abs().sum(1).nonzero().flatten().tolist() == [7]


@torch.no_grad()
def test_only_the_latest_items_are_read() -> None:
    model = shaken(two_tower(history_length=2))
    torch.testing.assert_close(model.score_all(QUERY), model.score_all(Query(USERS, HISTORY[:, -2:])))


@torch.no_grad()
def test_a_request_does_not_ask_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    model, items = shaken(two_tower()).float(), torch.tensor([[0, 3]] * len(USERS))
    packed = RowwiseTable(*model.items.weight.shape, bits=8)
    packed.take(model.items.weight, "none")
    model.items.weight.copy_(packed.rows())
    wanted = model.score(QUERY, items)
    model.items = packed
    monkeypatch.delattr(CompactEmbedding, "rows")  # slow to make
    torch.testing.assert_close(model.score(QUERY, items), wanted)


@torch.no_grad()
def test_kept_item_vectors_follow_the_weights(genres: Split) -> None:
    model = shaken(observing(genres))
    before = model.item_embeddings()
    assert model.item_embeddings() is before
    model.items.weight[3] += 1
    assert not torch.equal(model.item_embeddings()[3], before[3])
    other = shaken(observing(genres), seed=1)
    model.load_state_dict(other.state_dict())
    torch.testing.assert_close(model.item_embeddings(), other.item_embeddings())
    # A step in evaluation mode; a fused optimizer does not tell that it changed a tensor.
    optimizer = torch.optim.Adam(model.parameters(), 0.1, fused=True)
    with torch.enable_grad():
        model.score(Query(USERS, HISTORY), USERS).sum().backward()
    optimizer.step()
    everything = torch.arange(genres.n_items)
    torch.testing.assert_close(model.item_embeddings(), model._tower(everything))
    model.train()
    model.items.weight.data += 1
    torch.testing.assert_close(model.eval().item_embeddings(), model._tower(everything))


def test_a_stored_model_comes_back(genres: Split) -> None:
    torch.manual_seed(0)
    model = train(observing(genres, use_user_id=True), genres, epochs=1)
    state = model.state_dict()
    assert not any("values" in name for name in state)  # the data's, not learned
    again = observing(genres, use_user_id=True)
    again.load_state_dict(state)
    query = genres.query(torch.arange(60), ["train"], 4)
    with torch.no_grad():
        torch.testing.assert_close(again.eval().score_all(query), model.score_all(query), rtol=0, atol=0)


# ---- learning


@pytest.mark.parametrize("options", [{}, {"normalize": True, "temperature": 0.2}, {"share_items": False}])
def test_it_learns_the_tastes_from_the_history(genres: Split, options: dict[str, Any]) -> None:
    model = learned(genres, use_features=(), **options)
    warm = torch.from_numpy(np.flatnonzero(genres.train_users_per_item > 0))
    with torch.no_grad():
        best = warm[model.score_all(genres.query(torch.arange(60), ["train"], 4))[:, warm].argmax(1)]
    user_tastes, item_tastes = tastes(genres)
    assert (item_tastes[best] == user_tastes).double().mean().item() > 0.95


def test_it_learns_the_tastes_without_a_history() -> None:
    torch.manual_seed(0)
    split = two_tastes()
    assert learn(two_tower(split.spec, history_length=0, use_user_id=True, dropout=0.1), split) > 0.95


def cold_items_right(genres: Split, **options: Any) -> float:
    """How often a cold item of the user's genre stands before one of the other; 0.5 is chance."""
    model = learned(genres, **options)
    cold = torch.from_numpy(np.flatnonzero(genres.train_users_per_item == 0))
    assert len(cold) == 8
    with torch.no_grad():
        scores = model.score_all(genres.query(torch.arange(60), ["train"], 4))[:, cold]
    user_tastes, item_tastes = tastes(genres)
    of_own_genre = item_tastes[cold] == user_tastes.unsqueeze(1)
    pairs = of_own_genre.unsqueeze(2) & ~of_own_genre.unsqueeze(1)
    return (scores.unsqueeze(2) > scores.unsqueeze(1))[pairs].double().mean().item()


def test_features_place_a_cold_item(genres: Split) -> None:
    assert cold_items_right(genres) > 0.95
    assert cold_items_right(genres, use_features=("item.genres",)) > 0.95
    assert cold_items_right(genres, use_features=()) < 0.8


# ---- options


def test_features_are_chosen_by_name(genres: Split) -> None:
    assert observing(genres, use_features=()).capabilities() == two_tower().capabilities()
    model = observing(genres, use_features=("user.color",))
    assert model.item_features is None
    assert Capability.NEEDS_TRAIN_DATA in model.capabilities()
    with pytest.raises(ConfigError, match=r"'item\.genre'.*item\.genres"):
        observing(genres, use_features=("item.genre",))


def test_a_user_s_features_alone_will_do(genres: Split) -> None:
    model = shaken(observing(genres, history_length=0))
    assert model.capabilities() >= {Capability.NEEDS_TRAIN_DATA}
    assert Capability.SEQUENTIAL not in model.capabilities()
    with torch.no_grad():
        scores = model.score_all(Query(torch.tensor([0, 1, 3])))
    torch.testing.assert_close(scores[0], scores[2])  # both are red
    assert not torch.allclose(scores[0], scores[1])


def test_a_user_s_tower_reads_something() -> None:
    with pytest.raises(ConfigError, match="nothing to read"):
        two_tower(replace(SPEC), history_length=0)


@pytest.mark.parametrize(
    "options",
    [
        {"factors": 0},
        {"layers": (0,)},
        {"item_layers": (4, 0)},
        {"history_length": -1},
        {"dropout": 1.0},
        {"temperature": 0.0},
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        TwoTowerConfig(**options)

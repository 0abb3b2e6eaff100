"""``rexp recommend`` on a real run: the lists that were measured, under the users' own ids."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import torch

from rexp.__main__ import main
from rexp.evaluate.top_items import top_items
from rexp.experiment.recommendations import dense_users
from rexp.experiment.restore import load_model, load_run_split
from rexp.prepare.prepare import load_split
from rexp.store.result import RunResult
from rexp.store.store import Store
from tests import warm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The popularity model on MovieTweetings."""
    folder = tmp_path_factory.mktemp("recommend")
    words = ["data=movietweetings", "model=pop", "track=none", "measure.latency=false", "references=[]"]
    assert warm.rexp(*words, cwd=folder).returncode == 0
    return Store(folder / "runs")


@pytest.fixture(scope="module")
def run(store: Store) -> str:
    (result,) = store.runs()
    return result.run_id


def written(store: Store, run: str, out: Path, *options: str) -> pl.DataFrame:
    assert main(["recommend", run[:6], "--store", str(store.root), "--out", str(out), *options]) == 0
    return pl.read_parquet(out) if out.suffix == ".parquet" else pl.read_csv(out)


def test_everyone_gets_the_most_popular_items_that_he_does_not_have(store: Store, run: str, tmp_path: Path) -> None:
    split = load_run_split(store.result(run), None, store.root / ".data")
    frame = written(store, run, tmp_path / "lists.parquet", "--k", "5")
    assert frame.columns == ["user", "rank", "item", "title", "score"]
    assert len(frame) == 5 * split.n_users
    counts = dict(zip(split.items_table()["item"], split.train_users_per_item, strict=True))
    assert frame["score"].to_list() == [counts[item] for item in frame["item"]]
    seen = {
        (int(u), int(i))
        for part in ("train", "valid")
        for u, i in zip(split.part(part).users, split.part(part).items, strict=True)
    }  # type: ignore[arg-type]
    users = {name: place for place, name in enumerate(split.user_ids())}
    items = {name: place for place, name in enumerate(split.items_table()["item"])}
    assert not seen & {(users[u], items[i]) for u, i in zip(frame["user"], frame["item"], strict=True)}
    assert frame.group_by("user").agg(pl.col("score").is_sorted(descending=True).all())["score"].all()


def test_cold_items_alone(store: Store, run: str, tmp_path: Path) -> None:
    split = load_run_split(store.result(run), None, store.root / ".data")
    frame = written(store, run, tmp_path / "cold.parquet", "--k", "3", "--catalogue", "cold")
    cold = split.items_table()["item"].to_numpy()[split.train_users_per_item == 0]
    assert len(frame) == 3 * split.n_users
    assert set(frame["item"]) <= set(cold)
    assert set(frame["score"]) == {0.0}  # nobody took one


def test_recall_of_the_lists_is_the_run_s(store: Store, run: str) -> None:
    result = store.result(run)
    split = load_run_split(result, None, store.root / ".data")
    model = load_model(store, run, split, "test")
    users = torch.tensor(split.test.users.tolist())
    items, _ = top_items(model, split, users, 10, ["train", "valid"])
    hits = (items == torch.tensor(split.test.items.tolist()).unsqueeze(1)).any(1)
    assert float(hits.double().mean()) == pytest.approx(result.metrics["recall@10"], abs=1e-12)


def test_named_users_and_another_mask(store: Store, run: str, tmp_path: Path) -> None:
    split = load_run_split(store.result(run), None, store.root / ".data")
    names = split.user_ids().cast(pl.String).to_list()
    wanted = f"{names[9]}, {names[2]}"
    frame = written(store, run, tmp_path / "two.csv", "--users", wanted, "--k", "3", "--mask", "none")
    assert frame["user"].cast(pl.String).to_list() == [names[9]] * 3 + [names[2]] * 3
    assert frame["item"][:3].to_list() == frame["item"][3:].to_list()  # everyone's are the same without a mask
    assert dense_users(split, [names[9]]).tolist() == [9]


def test_the_screen_shows_titles(store: Store, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    split = load_run_split(store.result(run), None, store.root / ".data")
    name = str(split.user_ids()[0])
    assert main(["recommend", run, "--store", str(store.root), "--users", name, "--k", "2"]) == 0
    shown = capsys.readouterr().out
    assert "title" in shown
    assert "(201" in shown


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--users", "nobody"], "no user 'nobody'"),
        (["--k", "0"], "--k 0"),
        (["--mask", "tests"], "'tests' is no part"),
        (["--out", "lists.txt"], ".parquet or .csv"),
    ],
)
def test_what_cannot_be_done_is_said(
    store: Store, run: str, options: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recommend", run, "--store", str(store.root), *options]) == 2
    assert word in capsys.readouterr().err


def test_changed_data_is_refused(store: Store, run: str) -> None:
    stored = store.result(run)
    result = RunResult({**stored.content, "data": {**stored.data, "fingerprint": "another"}})
    with pytest.raises(Exception, match="made from other data"):
        load_run_split(result, None, store.root / ".data")
    assert load_split(dict(result.config["data"]), None, store.root / ".data").fingerprint != "another"

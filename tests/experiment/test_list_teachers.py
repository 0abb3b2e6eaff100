"""Teachers whose scores lie in a file: they teach as the model that wrote them did; where lists do not do, one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import rexp
from rexp.errors import ConfigError
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.store.result import RunResult

COMMON = (
    *("track=none", "measure.latency=false", "train.progress=none", "references=[]", "data=csv", "model=mf"),
    *("model.factors=4", "train.max_epochs=2", "train.batch_size=64"),
)
N_ITEMS = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, a store with EASE, and all that it scores in a file."""
    where = tmp_path_factory.mktemp("lists")
    rows = [f"u{user},{(7 * user + 3 * place) % N_ITEMS},{place}" for user in range(40) for place in range(9)]
    (where / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    teacher = trained(where, "model=ease", "~model.factors", "~train.max_epochs", "~train.batch_size")
    rexp.recommend(teacher.run_id, k=N_ITEMS, mask=[], store=where / "runs").write_parquet(where / "all.parquet")
    return where


def trained(folder: Path, *words: str) -> RunResult:
    dropped = {word[1:] for word in words if word.startswith("~")}
    common = [word for word in COMMON if word.partition("=")[0] not in dropped]
    own = [word for word in words if not word.startswith("~")]
    return rexp.run([*common, f"data.path={folder / 'mine.csv'}", f"paths.store={folder / 'runs'}", *own])


def of(folder: Path, name: str) -> str:
    return f"teacher.scores={folder / name}"


def test_scores_of_all_pairs_teach_what_their_model_teaches(folder: Path) -> None:
    (teacher,) = [run for run in Store(folder / "runs").runs() if run.model_name == "ease"]
    by_model = trained(folder, "compress=dcd", f"teacher.from={teacher.run_id}")
    by_file = trained(folder, "compress=dcd", of(folder, "all.parquet"))
    assert by_file.run_id != by_model.run_id
    assert by_file.weights["sha256"] == by_model.weights["sha256"]
    assert by_file.teacher["name"] == "lists"
    # Measured as the model is: what follows in its ranking once the training items are masked.
    own = Store(folder / "runs").result(by_file.teacher["run_id"])
    assert own.metrics == teacher.metrics


def test_what_the_file_holds_is_part_of_the_run(folder: Path) -> None:
    scores = pl.read_parquet(folder / "all.parquet").filter(pl.col("rank") <= 30)
    words = ("compress=rd", of(folder, "some.parquet"))
    scores.write_parquet(folder / "some.parquet")
    first = trained(folder, *words)
    scores.sort("item").with_columns(title=pl.lit("of no use")).write_parquet(folder / "some.parquet")
    assert trained(folder, *words).weights["sha256"] == first.weights["sha256"]
    scores.with_columns(-pl.col("score")).write_parquet(folder / "some.parquet")
    other = trained(folder, *words)
    assert other.run_id != first.run_id
    assert other.weights["sha256"] != first.weights["sha256"]


def test_users_without_a_list_are_taught_nothing(folder: Path) -> None:
    # Nobody is in the file but users who have nothing to learn from it: their lists are their own training items.
    rows = [(f"u{user}", (7 * user + 3 * place) % N_ITEMS, 1.0) for user in range(40) for place in range(7)]
    pl.DataFrame(rows, schema=["user", "item", "score"], orient="row").write_parquet(folder / "own.parquet")
    plain = trained(folder, "seed=3")
    words = "compress.order=[[fit,distill,labels]]", "+compress/stage@compress.stages.labels=hard_labels"
    taught = trained(folder, "compress=kd", *words, of(folder, "own.parquet"), "seed=3")
    assert taught.weights["sha256"] == plain.weights["sha256"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compress=kd", "compress.stages.distill.mode=pointwise"], "asks for scores of any pair, and teacher=lists"),
        (["compress=de"], "compares vectors of users and items, and teacher=lists has none"),
        (["compress=rrd", "+model@teachers.more=mf"], "has lists alone, and no mean with the scores of others"),
        (["compress=rrd", "teacher.from=12e4"], "teacher.from and teacher.scores name two teachers"),
    ],
)
def test_where_lists_do_not_do_one_line_says_so(words: list[str], said: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as error:
        trained(folder, *words, of(folder, "all.parquet"))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_lists_are_ranked_in_full_and_not_otherwise(folder: Path) -> None:
    sampled = ("evaluate=sampled", "evaluate.candidates.n=10")
    student = trained(folder, "compress=rrd", of(folder, "all.parquet"), *sampled)
    assert student.facts["protocol"] == "sampled"
    assert Store(folder / "runs").result(student.teacher["run_id"]).facts["protocol"] == "full"
    assert student.gate == {}, "measured otherwise, and not compared"
    words: list[Any] = [f"model.scores={folder / 'all.parquet'}", *sampled]
    dropped = ("~model.factors", "~train.max_epochs", "~train.batch_size")
    with pytest.raises(ConfigError, match="evaluate=sampled: model=lists has lists alone"):
        trained(folder, "model=lists", *words, *dropped)

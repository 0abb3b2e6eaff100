"""Runs on labeled rows in context: a signal that lies in the context alone, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import rexp
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.store.result import RunResult

ALONE = ("track=none", "measure.latency=false", "train.progress=none")


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 users who click an item where its kind is wanted at this hour, whoever they are: 1 of 4 rows, at random."""
    chance = np.random.default_rng(3)
    rows = []
    for _ in range(3_000):
        user, item, hour = int(chance.integers(40)), int(chance.integers(12)), int(chance.integers(4))
        rows.append(f"{user},{item},{int(item % 4 == hour)},h{hour},{1 + item % 3}")
    path = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    path.write_text("\n".join(["user,item,rating,hour,weight", *rows]) + "\n")
    return path


@pytest.fixture
def train(clicks: Path, tmp_path: Path) -> Any:
    def run(*words: str) -> RunResult:
        data = (f"data.path={clicks}", "data.context=[hour]", "data.labeled=true", "data.weight=weight")
        split = ("data/split=ratio", "data.filter.duplicates=keep")
        return rexp.run([*ALONE, "data=csv", *data, *split, f"paths.store={tmp_path / 'runs'}", *words])

    return run


FM = ("model=fm", "model.factors=8", "train.max_epochs=15", "train.lr=0.03", "train.batch_size=128")
TWO = ("compress=kd", "compress.stages.distill.mode=pointwise", "model@teacher=fm", "+model@teachers.deep=mlp")
NCF = ("model=ncf", "train.max_epochs=6", "train.batch_size=128")


def test_what_lies_in_the_context_alone_is_found_by_a_model_that_reads_it(train: Any) -> None:
    found, blind = train(*FM), train(*NCF)
    assert found.metrics["auc"] > 0.95
    # Neither users nor items differ: what is left is chance.
    assert 0.35 < blind.metrics["auc"] < 0.65
    assert found.facts["protocol"] == "pointwise"


def test_a_fit_reads_the_labels_and_draws_nothing(train: Any) -> None:
    result = train(*NCF, "train.max_epochs=1")
    assert result.config["fit"]["loss"]["target"] == "label"
    assert result.config["fit"]["sampler"] is None


def test_weights_change_what_is_learned_and_what_a_run_is(train: Any) -> None:
    one = {weights: train(*NCF, "train.max_epochs=1", f"train.weights={weights}") for weights in ("none", "column")}
    balanced = train(*NCF, "train.max_epochs=1", "train.weights=inverse_frequency")
    runs = {result.run_id for result in (*one.values(), balanced)}
    assert len(runs) == 3
    assert len({result.metrics["logloss"] for result in (*one.values(), balanced)}) == 3
    # Three of four rows are no clicks: balanced, a click is thought twice as likely, and the labels' entropy is missed.
    assert balanced.metrics["logloss"] > one["none"].metrics["logloss"]
    assert one["none"].config["fit"]["weights"] is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("model=ncf", "loss=bpr"), "loss=bpr takes every row for a positive and draws negatives"),
        (("model=ncf", "loss=bce", "loss.target=implicit"), r"loss=bce loss\.target=implicit takes every row"),
        (("model=ncf", "train.weights=column", "data.weight=null"), "names no column of weights"),
        (("model=multvae", "train.weights=inverse_frequency"), "MultVAE does not count rows by their weights"),
        (("model=ncf", "sampler=uniform"), "with target=label draws no negatives; leave sampler= out"),
        (
            (*FM, *TWO, "ensemble=by_user"),
            "ensemble=by_user puts every user's scores on one scale, .* differ by context",
        ),
        ((*FM, "evaluate=full", "evaluate.context=none"), r"model=fm reads the context .* evaluate\.context=none"),
    ],
)
def test_what_labeled_rows_in_context_do_not_allow(
    train: Any, tmp_path: Path, words: tuple[str, ...], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        train(*words)
    assert not list(tmp_path.glob("runs/[0-9a-f]*"))


def test_several_teachers_that_read_contexts_are_averaged(train: Any) -> None:
    short = [f"{key}.fit.max_epochs=1" for key in ("teacher", "teachers.deep")]
    taught = train(*FM, *TWO, *short, "train.max_epochs=1", "compress.stages.distill.scale=none", "references=[]")
    assert len(taught.config["teacher"]) == 2
    assert "ensemble" not in taught.config


def test_positives_alone_are_ranked_in_the_context_of_each_row(train: Any) -> None:
    # What a user takes at another hour may be a negative at this one.
    trained = ("data.filter.min_rating=1", "sampler=uniform", "sampler.n=4", "sampler.reject=false")
    ranked = (*trained, "evaluate=full", "evaluate.metrics=[hr]", "evaluate.k=[3]", "evaluate.mask=[]")
    found = train(*FM, *ranked)
    assert found.facts["context"] == "target"
    assert found.facts["n_lists"] > found.facts["n_users_evaluated"]
    # Three items of twelve are wanted at an hour.
    assert found.metrics["hr@3"] > 0.9
    assert train(*NCF, *ranked).metrics["hr@3"] < 0.6

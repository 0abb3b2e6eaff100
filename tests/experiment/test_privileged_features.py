"""Privileged features: columns that a teacher reads and its student does not (Xu et al., KDD 2020)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import rexp
from rexp.api import Capability, Query
from rexp.errors import ConfigError
from rexp.export.scorer import scorer_for
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.store.result import RunResult

COMMON = ("track=none", "measure.latency=false", "train.progress=none", "references=[]", "data=csv", "model=fm")
CLICKS = ("data.context=[dwell]", "data.labeled=true", "data/split=ratio", "data.filter.duplicates=keep")
FIT = (
    *("model.factors=4", "model.use_features=[]", "train.max_epochs=30", "train.lr=0.02", "train.batch_size=64"),
    *("train.select_epoch=last", "train.patience=0"),
)
TEACHER = (
    *("model@teacher=fm", "teacher.factors=4", "teacher.use_user_id=false"),
    *("teacher.fit.max_epochs=30", "teacher.fit.lr=0.02", "teacher.fit.batch_size=64"),
)
USERS, ITEMS = 60, 24
KD = (
    *("compress=kd", "compress.stages.distill.mode=pointwise", "compress.stages.distill.scale=none"),
    "compress.stages.distill.weight=4",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows whose labels are mostly chance; how long somebody stayed, which only the past tells, says who likes what.

    A user likes the items of one of two kinds. A coin decides seven of ten labels; the stay is short or long as the
    user likes the item, whatever the label.
    """
    chance = np.random.default_rng(5)
    rows = []
    for _ in range(900):
        user, item = (int(number) for number in chance.integers([USERS, ITEMS]))
        likes = (user + item) % 2
        label = int(chance.integers(2)) if chance.random() < 0.7 else likes
        rows.append(f"{user},{item},{label},{'long' if likes else 'short'}")
    folder = tmp_path_factory.mktemp("privileged")
    (folder / "clicks.csv").write_text("\n".join(["user,item,rating,dwell", *rows]) + "\n")
    return folder


def trained(folder: Path, *words: str) -> RunResult:
    data = (f"data.path={folder / 'clicks.csv'}", f"paths.store={folder / 'runs'}")
    return rexp.run([*COMMON, *CLICKS, *FIT, *data, *words])


def agreement(folder: Path, result: RunResult) -> float:
    """Of the pairs of an item that the user likes and one that he does not, the share that the model has in order."""
    model, _ = loaded(folder, result)
    with torch.no_grad():
        scores = model.score_all(Query(torch.arange(USERS)))
    likes = torch.tensor([[(user + item) % 2 == 1 for item in range(ITEMS)] for user in range(USERS)])
    rows = zip(scores, likes, strict=True)
    return float(torch.stack([(row[own].unsqueeze(1) > row[~own]).float().mean() for row, own in rows]).mean())


def loaded(folder: Path, result: RunResult) -> tuple[Any, Split]:
    split = rexp.load_split(result, store=folder / "runs")
    return rexp.load_model(result, store=folder / "runs"), split


@pytest.mark.slow
def test_what_the_teacher_alone_reads_moves_the_student(folder: Path) -> None:
    plain = trained(folder)
    taught = trained(folder, *KD, *TEACHER, "teacher.use_features=[context.dwell]")
    blindly = trained(folder, *KD, *TEACHER, "teacher.use_features=[]", "teacher.use_user_id=true", "teacher.seed=1")
    found = {name: agreement(folder, one) for name, one in (("plain", plain), ("taught", taught), ("blind", blindly))}
    assert found["taught"] > found["plain"] + 0.1, found
    assert found["taught"] > found["blind"] + 0.1, found
    teacher = Store(folder / "runs").result(taught.teacher["run_id"])
    assert teacher.fingerprint == taught.fingerprint, "one data set, prepared once"
    assert teacher.model_config["use_features"] == ["context.dwell"]
    # The student asks for the column nowhere; its teacher cannot be served without it.
    model, split = loaded(folder, taught)
    assert not {Capability.READS_CONTEXT, Capability.NEEDS_TRAIN_DATA} & model.capabilities()
    assert scorer_for(model, split, "student")
    with pytest.raises(ConfigError, match="context"):
        scorer_for(*loaded(folder, teacher), "teacher")


def test_a_student_ranked_without_contexts_learns_from_a_teacher_that_reads_them(folder: Path) -> None:
    """Its own run is ranked in them."""
    rules = ("evaluate=full", "evaluate.context=none", "evaluate.metrics=[recall]", "evaluate.k=[5]")
    short = ("train.max_epochs=1", "teacher.fit.max_epochs=1")
    taught = trained(folder, *rules, *KD, *TEACHER, *short, "teacher.use_features=[context.dwell]")
    teacher = Store(folder / "runs").result(taught.teacher["run_id"])
    assert (taught.facts["context"], teacher.facts["context"]) == ("none", "target")
    assert not taught.gate, "measured by other rules, they are not compared"
    assert len(teacher.valid) == 1, "whether it is weak is asked in contexts, too"
    # Asked for by itself it cannot be ranked so, and a student that reads contexts is told before its teacher is made.
    n_runs = len(list(Store(folder / "runs").briefs()))
    reads = "model.use_features=[context.dwell]"
    for words in ((reads,), (reads, *KD, *TEACHER, "teacher.seed=3")):
        with pytest.raises(ConfigError, match=r"model=fm reads the context .* evaluate\.context=none"):
            trained(folder, *rules, *words)
    assert len(list(Store(folder / "runs").briefs())) == n_runs

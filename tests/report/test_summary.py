"""The summary of real runs: parts, shares, intervals, sizes and tests as one reads them from the store oneself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from rexp.report.summary import Line, summaries
from rexp.report.two_stage import systems
from rexp.store.store import Store
from tests import warm

if TYPE_CHECKING:
    from rexp.store.result import RunResult

COMMON = ["track=none", "measure.latency=false", "train.progress=none", "data=csv", "evaluate.k=[5]"]
SMALL = ["model=mf", "model.factors=4", "train.max_epochs=2"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of EASE: plain, distilled, pruned as well, the control of that, and the first of two stages."""
    folder = tmp_path_factory.mktemp("summary")
    random = np.random.default_rng(0)
    rows = ["user,item,time"]
    for user in range(40):
        rows += [f"u{user},{item},{when}" for when, item in enumerate(random.permutation(15)[:9] + 15 * (user % 2))]
    (folder / "mine.csv").write_text("\n".join(rows) + "\n")
    rexp(folder, "-m", *SMALL, "compress=none,kd,kd_prune")
    rexp(folder, *SMALL, "compress=kd_prune", "compress.control_run=true", "references=[pop]")
    two = ["evaluate=two_stage", "retriever=flat", "retriever.n_candidates=8", "retriever.ranker=teacher"]
    metrics = "evaluate.metrics=[ndcg,recall,hr,mrr,map,precision,coverage,gini,novelty]"
    rexp(folder, *SMALL, "compress=kd", *two, metrics, "references=[]")
    return folder / "runs"


def rexp(folder: Path, *words: str) -> None:
    done = warm.rexp(*words, *COMMON, "data.path=mine.csv", cwd=folder)
    assert done.returncode == 0, done.stderr


def results(store: Path) -> list[RunResult]:
    return list(Store(store).runs())


def lines(store: Path) -> dict[str, Line]:
    single = [result for result in results(store) if not result.config.get("retriever")]
    (summary,) = summaries(single, store)
    assert summary.metric == "ndcg@5"
    return {f"{line.model} {line.part}".strip(): line for line in summary.lines}


def users(store: Path, compress: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    (run,) = [
        result.run_id
        for result in results(store)
        if result.labels["model"] == "mf"
        if result.labels["compress"] == compress and not result.config.get("retriever")
    ]
    return pl.read_parquet(store / run / "per_user.parquet").sort("user")["ndcg@5"].to_numpy()


def test_every_model_has_its_part_in_order(store: Path) -> None:
    assert list(lines(store)) == ["ease teacher", "mf plain", "mf control of kd_prune", "mf kd", "mf kd_prune", "pop"]


def test_values_are_those_of_the_users(store: Path) -> None:
    found = lines(store)
    for compress, name in (("none", "mf plain"), ("kd", "mf kd")):
        line, own = found[name], users(store, compress)
        assert line.value == pytest.approx(own.mean())
        assert line.low < line.value < line.high
        # The bootstrap's interval is about that of the normal approximation.
        assert line.high - line.low == pytest.approx(2 * 1.96 * own.std(ddof=1) / len(own) ** 0.5, rel=0.15)
        assert line.share == pytest.approx(line.value / found["ease teacher"].value)


def test_sizes_are_beside_the_plain_student(store: Path) -> None:
    found = lines(store)
    assert found["mf plain"].smaller == found["mf kd"].smaller == 1
    assert found["mf kd_prune"].smaller == found["mf plain"].size / found["mf kd_prune"].size > 1


def test_students_and_their_control_are_compared_with_the_plain_model(store: Path) -> None:
    found = lines(store)
    compared = {name: line.comparison for name, line in found.items() if line.comparison}
    assert set(compared) == {"mf control of kd_prune", "mf kd", "mf kd_prune"}
    difference = users(store, "kd") - users(store, "none")
    assert compared["mf kd"].difference == pytest.approx(difference.mean())
    assert compared["mf kd"].p == pytest.approx(stats.wilcoxon(difference).pvalue)
    assert compared["mf kd"].adjusted >= compared["mf kd"].p


def test_two_stages_stand_beside_each_alone(store: Path) -> None:
    student, teacher, both = systems(results(store), "ndcg@5")
    named = lines(store)
    assert (student.retriever, student.ranker) == ("mf kd · flat", "")
    assert (teacher.retriever, teacher.ranker) == ("", "ease")
    assert (both.retriever, both.ranker, both.ranked) == ("mf kd · flat", "ease", 8)
    assert student.accuracy == named["mf kd"].value
    assert teacher.accuracy == named["ease teacher"].value
    assert both.recall <= both.ceiling
    assert student.both == student.retrieve == both.retrieve
    assert 0 < both.rank < both.both
    assert teacher.both > 0


def test_the_command_prints_both_tables(store: Path) -> None:
    done = warm.rexp("report", store, "--summary", cwd=store)
    assert done.returncode == 0, done.stderr
    for word in ("control of kd_prune", "95 % interval", "Two stages beside one", "ceiling", "mf kd · flat"):
        assert word in done.stdout
    assert "nan" not in done.stdout


def test_stages_stand_beside_models_by_the_same_rules_alone(store: Path) -> None:
    kept = results(store)
    other = [
        replace(result, content={**result.content, "facts": {**result.facts, "mask": []}})
        if result.facts["protocol"] == "full"
        else result
        for result in kept
    ]
    (both,) = systems(other, "ndcg@5")
    assert (both.retriever, both.ranker) == ("mf kd · flat", "ease")
    (stages,) = (result for result in kept if result.facts["protocol"] == "two_stage")
    (gone,) = systems([stages], "ndcg@5")
    assert gone.ranker == f"run {stages.config['retriever']['ranker']}"

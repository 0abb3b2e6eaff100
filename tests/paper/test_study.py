"""A study from its file to its page: searched, run, tested over users, and redone from what is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from rexp.__main__ import main
from rexp.errors import ConfigError
from rexp.paper.formats import html, latex
from rexp.paper.paper import load, read
from rexp.paper.record import read_records
from rexp.paper.reproduce import select_rows, select_seeds
from rexp.paper.results import shown, tuned_file
from rexp.paper.study import Line, Study, Table
from rexp.paper.tuning import Tunings, read_tuned
from rexp.paper.users import Users
from rexp.store.store import Store

from .small_study import QUIET, written


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that was interrupted after some rows and then run."""
    folder = tmp_path_factory.mktemp("study")
    common = ["--store", str(folder / "runs"), "--results", str(folder / "results"), *QUIET]
    file = written(folder)
    assert main(["paper", "run", str(file), "--rows", "mf 4 · plain", *common]) == 0
    assert main(["paper", "run", str(file), *common]) == 0
    return folder


def study_of(folder: Path) -> tuple[Study, Path]:
    paper, file = load(str(folder / "small.yaml")), folder / "results" / "small.jsonl"
    return Study(paper, read_records(file), Users(file), Tunings(paper, tuned_file(file))), file


def line(table: Table, row: str) -> Line:
    (found,) = (one for one in table.lines if one.row == row)
    return found


@pytest.mark.slow
def test_every_row_is_run_with_the_values_that_were_found(done: Path) -> None:
    study, file = study_of(done)
    tuned = read_tuned(tuned_file(file))
    assert list(tuned) == [row.name for row in study.paper.rows if row.tune]
    assert {len(one.trials) for one in tuned.values()} == {2}
    by_row = {(one.row, one.seed): one for one in read_records(file)}
    # kd has the learning rate of the plain model, and its own weight; its control has both and no teacher.
    plain, kd, control = (by_row[f"mf 4 · {name}", 1].config for name in ("plain", "kd", "control"))
    assert plain["fit"]["lr"] == kd["fit"]["lr"] == control["fit"]["lr"]
    assert f"train.lr={plain['fit']['lr']!r}" in tuned["mf 4 · plain"].values
    weight = kd["compress"]["stages"]["distill"]["weight"]
    assert tuned["mf 4 · kd"].values == (*tuned["mf 4 · plain"].values, f"compress.stages.distill.weight={weight}")
    assert control["teacher"] is None
    # The teacher is the candidate that is best on validation.
    best = max(("teachers · ease", "teachers · puresvd"), key=lambda name: tuned[name].value)
    assert kd["teacher"] == by_row[best, 0].run
    assert by_row["mf 4 · kd", 0].refers == {"teachers · best": by_row[best, 0].run}


@pytest.mark.slow
def test_the_page_is_redone_from_what_is_kept(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, file = study_of(done)
    page = file.with_suffix(".md").read_text(encoding="utf-8")
    arguments = ["paper", "check", str(done / "small.yaml"), "--results", str(file.parent), "--strict"]
    assert main([*arguments, "--markdown", "-"]) == 0
    assert capsys.readouterr().out == page
    assert "| not run |" not in page
    assert "Mean ranks" not in page  # both of its tables are of one data set


@pytest.mark.slow
def test_mean_ranks_are_drawn(done: Path, tmp_path: Path) -> None:
    """The same study, as if its second table were of a data set of its own."""
    study, _ = study_of(done)
    shutil.copytree(done / "results", tmp_path / "results")
    file = tmp_path / "results" / "small.jsonl"
    records = [json.loads(text) for text in file.read_text().splitlines()]
    for record in records:
        record["data"]["name"] = "other" if record["row"].startswith("mf 8") else "csv"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    shutil.copy(file.parent / "small" / "csv.parquet", file.parent / "small" / "other.parquet")
    arguments = ["paper", "check", str(done / "small.yaml"), "--results", str(file.parent)]
    assert main([*arguments, "--markdown", str(file.with_suffix(".md"))]) == 0
    page = file.with_suffix(".md").read_text(encoding="utf-8")
    assert "![Mean ranks](small/ranks.svg)" in page
    assert "Over the 2 tables that are run" in page
    assert "over 2 data sets" in page
    assert main([*arguments, "--strict", "--markdown", str(tmp_path / "page.md")]) == 0
    for folder in (file.parent, tmp_path):
        assert "critical difference" in (folder / "small" / "ranks.svg").read_text()
    written_out = shown(study.paper, file).page
    assert "mf 4" in latex(written_out)
    assert "<h2>Mean ranks</h2>" in html(written_out)


@pytest.mark.slow
def test_a_line_says_what_its_runs_say(done: Path) -> None:
    study, file = study_of(done)
    table = study.tables[0]
    by_row = {(one.row, one.seed): one.metrics["ndcg@10"] for one in read_records(file)}

    def mean(name: str) -> float:
        return (by_row[f"mf 4 · {name}", 0] + by_row[f"mf 4 · {name}", 1]) / 2

    kd = line(table, "kd")
    best = by_row[f"teachers · {line(study.tables[2], 'best').stands_for}", 0]
    assert kd.means is not None
    assert kd.means["ndcg@10"] == pytest.approx(mean("kd"))
    assert kd.share == pytest.approx(mean("kd") / best)
    if best > mean("plain"):
        assert kd.gap == pytest.approx((mean("kd") - mean("plain")) / (best - mean("plain")))
    else:
        assert kd.gap is None


@pytest.mark.slow
def test_the_tests_are_those_of_the_stored_runs(done: Path) -> None:
    study, file = study_of(done)
    store, seeds = Store(done / "runs"), {"puresvd": 1}
    users: dict[str, dict[str, float]] = {}
    for one in read_records(file):
        if one.row.startswith("mf 4"):
            row = one.row.removeprefix("mf 4 · ")
            frame = pl.read_parquet(store.directory(one.run) / "per_user.parquet")
            for user, value in zip(frame["user"], frame["ndcg@10"], strict=True):
                users.setdefault(row, {}).setdefault(user, 0.0)
                users[row][user] += value / seeds.get(row, 2)
    shown = [(row, other) for row in users for other in ("plain", "control") if row != other]
    pairs = [pair for pair in shown if pair != ("plain", "control")]  # which is the test of control beside plain
    ps = {}
    for row, other in pairs:
        rounded = [np.float64(np.float16(users[row][user])) - np.float16(users[other][user]) for user in users[row]]
        ps[row, other] = float(stats.wilcoxon(rounded).pvalue) if any(rounded) else 1.0
    table = study.tables[0]
    assert (table.tests, table.n_users) == (len(pairs), 60)
    largest = 0.0
    for place, (row, other) in enumerate(sorted(pairs, key=ps.__getitem__)):  # Holm (1979)
        largest = max(largest, min(1.0, (len(pairs) - place) * ps[row, other]))
        found = line(table, row)
        tested = found.against_plain if other == "plain" else found.against_control
        assert tested is not None
        assert tested.p == pytest.approx(largest, rel=1e-6)
    plain, control = line(table, "plain").against_control, line(table, "control").against_plain
    assert plain is not None
    assert control is not None
    assert (plain.p, plain.difference) == (control.p, -control.difference)


@pytest.mark.slow
def test_changed_values_of_users_are_told(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    shutil.copytree(done / "results", results)
    place = results / "small" / "csv.parquet"
    frame = pl.read_parquet(place)
    changed = (1.0 - frame["mf 4 · kd"].cast(pl.Float64)).cast(pl.Float16)
    frame.with_columns(changed.alias("mf 4 · kd")).write_parquet(place)
    arguments = ["paper", "check", str(done / "small.yaml"), "--results", str(results)]
    assert main([*arguments, "--strict"]) == 1
    said = capsys.readouterr()
    assert "differs" in said.out
    assert "is not what its records give" in said.err


@pytest.mark.slow
def test_other_values_or_another_file_make_records_outdated(done: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(done / "results", folder / "results")
    text = (done / "small.yaml").read_text()
    (folder / "small.yaml").write_text(text.replace("train.batch_size=64", "train.batch_size=32"))
    study, _ = study_of(folder)
    assert line(study.tables[0], "plain").verdict == "outdated"
    assert line(study.tables[0], "puresvd").verdict == "own"
    (folder / "small.yaml").write_text(text)
    assert not study_of(folder)[0].outdated()
    file = folder / "results" / "small.tuned.json"
    kept = json.loads(file.read_text())
    kept["mf 4 · plain"]["values"] = ["train.lr=0.5"]
    file.write_text(json.dumps(kept))
    assert line(study_of(folder)[0].tables[0], "plain").verdict == "outdated"


@pytest.mark.slow
def test_runs_elsewhere_take_the_values_that_were_found(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    shutil.copy(done / "results" / "small.tuned.json", results)
    common = ["--store", str(tmp_path / "runs"), "--results", str(results), *QUIET]
    assert main(["paper", "run", str(done / "small.yaml"), "--rows", "mf 4 · plain", *common]) == 0
    assert "trial" not in capsys.readouterr().err
    own = {one.run: one.metrics for one in read_records(done / "results" / "small.jsonl")}
    assert all(own[one.run] == one.metrics for one in read_records(results / "small.jsonl"))


def test_some_seeds_of_a_study(done: Path, tmp_path: Path) -> None:
    """A row without any of them keeps its own; values of users are kept once all seeds are there."""
    paper = read(done / "small.yaml")
    rows = select_seeds(paper, select_rows(paper, ["mf 8 · control"]), [1])
    assert {row.seeds for row in rows if row.name.startswith("mf 8")} == {(1,)}
    assert {row.seeds for row in rows if row.name in ("teachers · ease", "teachers · puresvd")} == {(0,)}
    with pytest.raises(ConfigError, match="has no seed 9; it has: 0, 1"):
        select_seeds(paper, rows, [1, 9])
    results = tmp_path / "results"
    results.mkdir()
    shutil.copy(done / "results" / "small.tuned.json", results)
    place = ["--store", str(done / "runs"), "--results", str(results), *QUIET]
    for seeds, kept in (("1", False), ("0,1", True)):
        assert main(["paper", "run", str(done / "small.yaml"), "--rows", "mf 4 · plain", "--seeds", seeds, *place]) == 0
        assert ",".join(str(one.seed) for one in read_records(results / "small.jsonl")) == seeds
        assert (results / "small").exists() == kept
        # Values that were found with the first of a row's seeds are those of all of them: nothing is searched again.
        assert read_tuned(results / "small.tuned.json") == read_tuned(done / "results" / "small.tuned.json")
    assert main(["paper", "run", str(done / "small.yaml"), "--seeds", "one", *place]) == 2


@pytest.mark.slow
def test_the_last_of_several_commands_completes_the_values_of_users(done: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    shutil.copy(done / "results" / "small.tuned.json", results)
    row = "mf 4 · plain"
    command = ["paper", "run", str(done / "small.yaml"), "--rows", row, "--store", str(done / "runs"), *QUIET]
    for seed in "01":
        assert not (results / "small").exists()
        assert main([*command, "--results", str(results), "--seeds", seed]) == 0
    kept = pl.read_parquet(results / "small" / "csv.parquet")
    assert kept[row].to_list() == pl.read_parquet(done / "results" / "small" / "csv.parquet")[row].to_list()

"""A paper's runs: made once, recorded when they are done, found again in other stores."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout

from rexp.__main__ import main
from rexp.errors import RunError
from rexp.paper import reproduce
from rexp.paper.find_runs import RunIndex
from rexp.paper.paper import Paper, load, paper_files
from rexp.paper.record import PaperRecord, read_records
from rexp.paper.reproduce import check_overrides
from rexp.paper.results import tuned_file
from rexp.paper.tuning import read_tuned
from rexp.store.seal import sealed
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.experiment.outcome import Outcome

TABLE = [f"{user},{(7 * user + 3 * place) % 50},{place}" for user in range(40) for place in range(9)]


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """Three rows on a table of its own: a teacher, its student, and one that cannot work."""
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *TABLE]) + "\n")
    common = f"data=csv, 'data.path={tmp_path / 'mine.csv'}', track=none, measure.latency=false, train.progress=none"
    file = tmp_path / "small.yaml"
    file.write_text(f"""
title: A small paper
source: table 1
tolerance: 1.0
rows:
  - {{name: teacher, run: [{common}, model=mf, model.factors=8, train.max_epochs=2], published: {{ndcg@10: 0.5}}}}
  - name: student
    run: [{common}, model=mf, model.factors=4, train.max_epochs=2, compress=kd, "teacher.from=<teacher>"]
    published: {{ndcg@10: 0.5}}
  - {{name: broken, run: [{common}, model=mf, model.factors=-1], published: {{ndcg@10: 0.5}}}}
quick: {{rows: [student], overrides: [train.max_epochs=1]}}
notes: None.
""")
    return file


@pytest.mark.slow
def test_from_a_file_to_verdicts(paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--store", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["paper", "run", str(paper), *common]) == 1
    said = capsys.readouterr()
    assert "small 2/3: student, seed 0" in said.err
    assert "1 runs failed" in said.err
    assert "2 reproduced, 1 not run" in said.out
    records = read_records(tmp_path / "results" / "small.jsonl")
    assert [one.row for one in records] == ["teacher", "student"]
    assert records[1].refers == {"teacher": records[0].run}
    assert records[1].teacher == records[0].run
    assert str(tmp_path) in records[0].command

    # Again: nothing is trained, and the rows may be chosen; what they build on comes with them.
    assert main(["paper", "run", str(paper), *common, "--rows", "stu*"]) == 0
    said = capsys.readouterr()
    assert said.err.count("is done already") == 2
    assert read_records(tmp_path / "results" / "small.jsonl") == records

    # A quick run records nothing.
    assert main(["paper", "run", str(paper), *common, "--quick"]) == 0
    assert "whose numbers mean nothing" in capsys.readouterr().err
    assert read_records(tmp_path / "results" / "small.jsonl") == records

    # The same runs found by what they are, whatever ids they have.
    other = tmp_path / "other"
    for one in records:
        old, new = tmp_path / "runs" / one.run, other / one.run[::-1]
        new.mkdir(parents=True)
        for name in ("result.json", "manifest.json"):
            text = (old / name).read_text()
            for record in records:
                text = text.replace(record.run, record.run[::-1])
            (new / name).write_text(sealed(json.loads(text)) if name == "result.json" else text)
    found = ["paper", "record", str(paper), str(other), "--results", str(tmp_path / "found")]
    assert main(found) == 0
    assert [one.run for one in read_records(tmp_path / "found" / "small.jsonl")] == [one.run[::-1] for one in records]
    # Not where an option is another.
    result = json.loads((other / records[0].run[::-1] / "result.json").read_text())
    result["config"]["model"]["factors"] = 9
    (other / records[0].run[::-1] / "result.json").write_text(sealed(result))
    small = load(str(paper))
    assert RunIndex([Store(other)]).find(small.overrides(small.row("teacher"), 0), {}) is None


def with_seeds(paper: Path, *seeds: int) -> Path:
    """The same file with these seeds, without the row that cannot work."""
    text = paper.read_text().replace("tolerance: 1.0", f"tolerance: 1.0\nseeds: {list(seeds)}")
    paper.write_text("".join(line for line in text.splitlines(keepends=True) if "broken" not in line))
    return paper


@pytest.mark.slow
def test_a_student_learns_from_no_other_seed(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a teacher's run fails for a seed, its student is left out for that seed."""
    make = reproduce._run

    def failing(paper: Paper, overrides: Sequence[str]) -> Outcome:
        if "model.factors=8" in overrides and "seed=1" in overrides:
            raise RunError("the loss is not finite")
        return make(paper, overrides)

    monkeypatch.setattr(reproduce, "_run", failing)
    common = ["--store", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["paper", "run", str(with_seeds(paper, 0, 1)), *common]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "student is left out, for its part 'teacher' has no run with seed 1" in said
    made = [(one.row, one.seed) for one in read_records(tmp_path / "results" / "small.jsonl")]
    assert made == [("teacher", 0), ("student", 0)]


@pytest.mark.slow
def test_a_search_learns_from_its_first_seed(paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it finds does not depend on which seed is run first."""
    file, results = with_seeds(paper, 0, 1), tmp_path / "results"
    tune = "tune: {train.lr: {choice: [0.01]}}"
    text = file.read_text().replace("  - name: student", f"  - name: student\n    {tune}")
    file.write_text(text + "search: {trials: 1, metric: ndcg@10}\n")
    common = ["--store", str(tmp_path / "runs"), "--results", str(results)]
    assert main(["paper", "run", str(file), *common, "--seeds", "1"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "student: its search learns from 'teacher' with seed 0, which is not run; run that seed, too" in said
    assert not tuned_file(results / "small.jsonl").exists()

    # Searches of rows that this file does not know, as of a newer one, stay where they are.
    other = {"search": "0", "values": [], "metric": "ndcg@10", "value": 0.5, "trial": 1, "trials": [], "seconds": 1.0}
    tuned_file(results / "small.jsonl").write_text(json.dumps({"newer": other}))
    assert main(["paper", "run", str(file), *common]) == 0
    assert list(read_tuned(tuned_file(results / "small.jsonl"))) == ["student", "newer"]
    capsys.readouterr()
    assert main(["paper", "run", str(file), *common, "--seeds", "1"]) == 0  # what is found already needs no run
    assert "trial" not in capsys.readouterr().err


def test_what_makes_other_runs_is_refused(paper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["paper", "run", str(paper), "--store", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    for word in ("train.max_epochs=1", "seed=3", "model=ease", "train.precision=bf16-mixed", "+data.split.valid=2"):
        assert main([*command, word]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert f"{word}: that would be another run than the paper's file asks for" in said
    assert not (tmp_path / "results").exists()
    check_overrides(["track=none", "paths.store=here", "measure.latency=false", "train.progress=none", "references=[]"])
    check_overrides(["train.accelerator=cpu", "train.threads=2", "train.strategy=auto", "force=true", "tags=[mine]"])


@pytest.mark.slow
def test_records_are_merged_by_one_process_at_a_time(
    paper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, write = tmp_path / "results", reproduce.write_records
    held: list[bool] = []

    def checked(file: Path, paper: Paper, records: Iterable[PaperRecord]) -> None:
        try:
            with FileLock(file.with_name(f".{file.name}.lock"), timeout=0):
                held.append(False)
        except Timeout:
            held.append(True)
        write(file, paper, records)

    monkeypatch.setattr(reproduce, "write_records", checked)
    assert main(["paper", "record", str(paper), str(tmp_path / "runs"), "--results", str(results)]) == 0
    assert held == [True]


@pytest.mark.slow
@pytest.mark.skipif("REXP_DATA" not in os.environ, reason="REXP_DATA names no folder of data sets")
@pytest.mark.parametrize("name", sorted(paper_files()))
def test_a_quick_run_of_every_paper(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["paper", "run", name, "--quick", "--store", str(tmp_path / "runs"), "track=none", "train.progress=none"]
    assert main([*quick, "measure.latency=false"]) == 0
    said = capsys.readouterr().out
    if load(name).groups:
        return  # its tables show the rows that take no part, too
    rows = load(name).quick.rows
    ran = [line for line in said.splitlines() if line.strip().split("   ")[0].strip() in rows]
    assert len(ran) >= len(rows)
    assert not any("not run" in line for line in ran)

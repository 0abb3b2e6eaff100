"""A paper's runs: made once, recorded when they are done, found again in other stores."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.paper.find_runs import RunIndex
from rexp.paper.paper import load, paper_files
from rexp.paper.record import read_records
from rexp.store.seal import sealed
from rexp.store.store import Store

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

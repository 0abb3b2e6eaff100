"""The committed records: pages follow from them, and they hold nothing of the machine they were made on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.paper.defaults import changed_defaults
from rexp.paper.formats import markdown
from rexp.paper.paper import load, paper_files
from rexp.paper.record import read_records
from rexp.paper.results import shown, tuned_file
from rexp.paper.tuning import Tunings

RESULTS = Path(__file__).parents[2] / "results" / "papers"
FILES = sorted(RESULTS.glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_page_is_rebuilt_byte_for_byte(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paper = load(file.stem)
    page = file.with_suffix(".md").read_text(encoding="utf-8")
    assert markdown(shown(paper, file).page) == page
    assert main(["paper", "check", file.stem, "--results", str(RESULTS), "--markdown", "-"]) == 0
    assert capsys.readouterr().out == page


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_records_are_small_whole_and_of_no_machine_in_particular(file: Path) -> None:
    paper, text = load(file.stem), file.read_text(encoding="utf-8")
    assert len(text) < 2**20
    for word in ("/home", "/root", "/tmp", "/work", "http"):
        assert word not in text
    for record in read_records(file):
        row = paper.row(record.row)
        assert record.seed in paper.seeds_of(row)
        assert set(row.published) <= set(record.metrics)
        assert record.versions["torch"]
        assert record.command.startswith("python -m rexp ")


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_default_has_changed_since_a_record_was_made(file: Path) -> None:
    paper = load(file.stem)
    assert not list(changed_defaults(paper, read_records(file), Tunings(paper, tuned_file(file))))


def test_a_default_that_changed_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (before,) = [record for record in read_records(RESULTS / "sasrec.jsonl") if record.seed == 0][:1]
    fit = {**before.config["fit"], "lr": 0.5, "gone": 1}
    model = {**before.config["model"], "factors": 7}
    other = replace(before, config={**before.config, "fit": fit, "model": model})
    (tmp_path / "sasrec.jsonl").write_text(json.dumps(other.to_json()) + "\n")
    assert main(["paper", "check", "sasrec", "--results", str(tmp_path), "--strict"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert f"{before.row}: fit.lr was 0.5 and is {before.config['fit']['lr']}; model.factors was 7 and is " in told
    assert "gone" not in told


def test_the_list_names_every_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "list", "--results", str(RESULTS)]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in paper_files())
    assert "reproduced" in said


def test_a_check_is_strict_where_it_is_asked_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "check", "gowalla", "--results", str(RESULTS), "--strict"]) == 1
    assert "outside tolerance" in capsys.readouterr().out
    assert main(["paper", "check", "sasrec", "--results", str(RESULTS), "--strict"]) == 0

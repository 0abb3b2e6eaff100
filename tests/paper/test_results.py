"""The committed records: pages follow from them, and they hold nothing of the machine they were made on."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.paper.formats import markdown
from rexp.paper.paper import load, paper_files
from rexp.paper.record import read_records
from rexp.paper.results import shown

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


def test_the_list_names_every_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "list", "--results", str(RESULTS)]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in paper_files())
    assert "reproduced" in said


def test_a_check_is_strict_where_it_is_asked_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "check", "gowalla", "--results", str(RESULTS), "--strict"]) == 1
    assert "outside tolerance" in capsys.readouterr().out
    assert main(["paper", "check", "sasrec", "--results", str(RESULTS), "--strict"]) == 0

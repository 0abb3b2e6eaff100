"""Papers' files: what they may hold, and that those that are shipped compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.errors import ConfigError
from rexp.hydra.compose import compose_job, hydra_session
from rexp.paper.paper import Paper, load, paper_files, read, space_of
from rexp.paper.references import references

PAPERS = sorted(paper_files())
SMALL = """
title: A paper
source: its table 1
tolerance: 0.01
rows:
  - {name: teacher, run: [model=mf], published: {ndcg@10: 0.5}}
  - {name: student, run: [model=mf, "teacher.from=<teacher>"], published: {ndcg@10: 0.4}, seeds: [1, 2]}
quick: {rows: [student]}
"""


def written(folder: Path, text: str = SMALL) -> Path:
    file = folder / "small.yaml"
    file.write_text(text)
    return file


def jobs() -> list[tuple[str, str]]:
    """One row of each name: a study has the same for every data set."""
    found = {(name, row.short): row.name for name in PAPERS for row in load(name).rows if not row.best_of}
    return [(name, row) for (name, _), row in found.items()]


def test_a_file_becomes_a_paper(tmp_path: Path) -> None:
    paper = load(str(written(tmp_path)))
    assert (paper.name, paper.title, [row.name for row in paper.rows]) == ("small", "A paper", ["teacher", "student"])
    student = paper.row("student")
    assert (paper.seeds_of(student), paper.seeds_of(paper.row("teacher"))) == ((1, 2), (0,))
    assert paper.overrides(student, 2) == ["model=mf", "teacher.from=<teacher>", "seed=2"]
    assert paper.metrics == ["ndcg@10"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: A paper\n", "", "lacks 'title'"),
        ("tolerance", "tolerence", "has no key 'tolerence'; did you mean 'tolerance'"),
        ("published: {ndcg@10: 0.5}", "publisht: {}", r"rows\[0\] has no key 'publisht'"),
        ("{ndcg@10: 0.5}", "{ndcg@10: good}", "ndcg@10='good' is no number"),
        ("name: student", "name: teacher", "has two rows 'teacher'"),
        ("<teacher>", "<techer>", "names a row 'techer' that it does not have"),
        ("quick: {rows: [student]}", "quick: {rows: [pupil]}", "names a row 'pupil'"),
        ("rows:\n", "rows: []\nother:\n", "needs a list of rows"),
        ("title: A paper", "title: [", "small.yaml, line 4 is no YAML: while parsing"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as told:
        read(written(tmp_path, SMALL.replace(old, new)))
    assert "\n" not in str(told.value)


def test_a_paper_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="there is no paper 'ftd_hdt'; did you mean 'ftd_htd'"):
        load("ftd_hdt")


@pytest.mark.slow
@pytest.mark.parametrize(("paper", "row"), jobs())
def test_a_shipped_row_composes(paper: str, row: str) -> None:
    found = load(paper)
    asked = found.row(row)
    searched = space_of(found, asked) if asked.tune else None
    values = searched.overrides(searched.first()) if searched else []
    overrides = [text for text in found.overrides(asked, 1, values) if not references([text])]
    with hydra_session():
        job = compose_job(overrides)
        assert job.seed == 1
        assert job.model.name
        compose_job([*overrides, *found.quick.overrides])


@pytest.mark.parametrize("name", PAPERS)
def test_a_shipped_paper_says_where_its_values_are_from(name: str) -> None:
    paper: Paper = load(name)
    assert paper.notes
    assert paper.quick.rows
    for row in paper.rows:
        from_memory = "memory" in (row.source or paper.source)
        assert from_memory <= row.unverified, "what was not read at its source decides nothing"

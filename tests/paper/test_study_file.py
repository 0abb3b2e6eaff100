"""A study's file: written out, its rows chosen, and what is wrong with it told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rexp.errors import ConfigError
from rexp.paper.grid import expanded
from rexp.paper.paper import load, read
from rexp.paper.reproduce import select_rows
from rexp.paper.tuning import Tunings

from .small_study import written


def test_a_name_with_commas_is_one_row() -> None:
    paper = load("content_students")
    order = [row.name for row in select_rows(paper, ["lastfm-2k · mf", "kd", "lastfm-2k · pop"])]
    assert order == ["lastfm-2k · pop", "lastfm-2k · fusion", "lastfm-2k · mf, kd"]
    with pytest.raises(ConfigError, match="has no row 'kd'"):
        select_rows(paper, ["lastfm-2k · pop", "kd"])


def test_patterns_with_a_comma_between_them_are_two() -> None:
    """Together they would fit a row, too: ``lastfm-2k · mf, kd``."""
    paper = load("content_students")
    asked = [row.name for row in select_rows(paper, ["lastfm-2k · m*", "*kd"])]
    assert {"lastfm-2k · mf", "lastfm-2k · mf, control", "yelp · mf, kd"} < set(asked)
    with pytest.raises(ConfigError, match="has no row 'kd'"):
        select_rows(paper, ["lastfm-2k · m*", "kd"])


def test_a_grid_is_written_out(tmp_path: Path) -> None:
    paper = read(written(tmp_path))
    assert [group.name for group in paper.groups] == ["mf 4", "mf 8", "teachers"]
    assert [row.short for row in paper.rows_of(paper.groups[0])] == ["plain", "kd", "control", "puresvd"]
    assert [row.short for row in paper.rows_of(paper.groups[1])][-1] == "only here"
    plain, kd = paper.row("mf 8 · plain"), paper.row("mf 8 · kd")
    assert "model.factors=8" in plain.run
    assert list(plain.tune) == ["train.lr"]
    assert list(kd.tune) == ["compress.stages.distill.weight"]
    assert kd.values == "mf 8 · plain"
    assert paper.groups[1].plain == "mf 8 · plain"
    assert paper.groups[1].teacher == "teachers · best"
    order = [row.name for row in select_rows(paper, ["mf 8 · control"])]
    assert order == [
        "teachers · ease",
        "teachers · puresvd",
        "teachers · best",
        "mf 8 · plain",
        "mf 8 · kd",
        "mf 8 · control",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("run: [small]", "run: [smal]", "has no part 'smal'; did you mean 'small'"),
        ("for: {factors: [4, 8]}", "for: {factors: 4}", "'for' is a mapping of names to lists"),
        ("plain: plain", "plain: plane", "names a row 'plane' that it does not have"),
        ("best_of: [ease, puresvd]", "best_of: [slim]", "no row is called slim"),
        ("values: kd", "values: puresvd", "nothing is searched for mf 4 · puresvd"),
        ("tune: {model.l2: {choice: [1.0, 10.0]}}", "tune: {}", "best: nothing is searched for teachers · ease to"),
        (
            "choice: [0.5, 2.0]",
            "choices: [0.5]",
            "small.yaml: mf 4 · kd: space.compress.stages.distill.weight: give one of",
        ),
        ("trials: 2,", "trails: 2,", "small.yaml: teachers|small.yaml: mf 4"),
        ("- {name: plain, run: [small]}", '- {name: plain, run: [small, "teacher.from=<kd>"]}', "builds on"),
    ],
)
def test_what_is_wrong_with_a_study_is_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    file = written(tmp_path)
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=words):
        select_rows(read(file), None)


def test_the_nearest_names_are_looked_for_where_one_is_wrong_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study names thousands of rows and keys: to compare each with all others would take seconds."""
    monkeypatch.setattr("rexp.paper.paper.did_you_mean", lambda name, known: pytest.fail(f"{name} is known"))
    read(written(tmp_path))


def test_the_best_of_others_has_the_lowest_error(tmp_path: Path) -> None:
    paper, file = read(written(tmp_path)), tmp_path / "small.tuned.json"
    for metric, best in (("ndcg@10", "teachers · puresvd"), ("rmse", "teachers · ease")):
        tuned = {}
        for row, value in (("teachers · ease", 0.8), ("teachers · puresvd", 0.9)):
            search = Tunings(paper, file)._digest(paper.row(row))
            tuned[row] = {"search": search, "values": [], "metric": metric, "value": value, "trial": 1}
            tuned[row] |= {"trials": [["complete", value]], "seconds": 1.0}
        file.write_text(json.dumps(tuned))
        assert Tunings(paper, file).stands_for("teachers · best") == best


def test_a_file_without_groups_stays_as_it_is() -> None:
    node = {"rows": [{"name": "a", "run": ["model=mf"]}], "title": "x"}
    assert expanded(node, "file") == (node, [])

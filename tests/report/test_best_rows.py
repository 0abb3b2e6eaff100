"""Tables of thousands of rows: pages and pictures have the best of them."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.__main__ import main
from rexp.report.best_rows import best_rows, with_whole_runs
from rexp.report.html import page
from rexp.report.rows import Cell, Row
from rexp.report.tables import Table, make_tables

if TYPE_CHECKING:
    from .conftest import Made


def table(column: str, means: dict[str, float], baselines: frozenset[str] = frozenset()) -> Table:
    rows = [
        Row((name,), "", (0,), (name,), {}, {column: Cell(mean, math.nan, 1)}, is_baseline=name in baselines)
        for name, mean in means.items()
    ]
    return Table("toy", ("model",), (column,), tuple(rows), {})


def names(shown: Table) -> list[str]:
    return [row.labels[0] for row in shown.rows]


@pytest.mark.parametrize(
    ("column", "most", "kept"),
    [
        ("ndcg@10", 2, ["c", "d"]),
        ("gini@10", 2, ["a", "d"]),  # less is better
        ("ndcg@10", 3, ["a", "c", "d"]),
        ("ndcg@10", 4, ["a", "c", "d", "e"]),  # the unknown is the last
        ("ndcg@10", 9, ["a", "b", "c", "d", "e"]),
    ],
)
def test_the_best_by_the_first_metric_in_the_tables_order(column: str, most: int, kept: list[str]) -> None:
    whole = table(column, {"a": 0.1, "b": math.nan, "c": 0.4, "d": 0.3, "e": 0.1 if column == "ndcg@10" else 0.5})
    shown = best_rows(whole, most)
    assert names(shown) == kept
    assert shown.n_hidden == 5 - len(kept)


def test_a_baseline_is_kept() -> None:
    whole = table("ndcg@10", {"a": 0.1, "b": 0.2, "c": 0.3}, frozenset({"a"}))
    assert names(best_rows(whole, 2)) == ["a", "c"]


def contents(file: Path) -> Any:
    found = re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', file.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return json.loads(found.group(1))


def test_the_page_says_how_many_rows_it_has(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "page.html"
    assert main(["report", str(made.store.root), "--html", str(file), "--most", "2", "--csv", "-"]) == 0
    full, two_stage = contents(file)["tables"]
    note = "the best 2 of {} rows; --most ROWS shows more or fewer"
    # 0.5 of the one that taught, 0.32 and 0.321 of 16 factors; 0.001 times the number of candidates.
    assert [row["labels"][0] for row in full["rows"]] == ["big", "mf"]
    assert [row["runs"][0]["id"] for row in full["rows"]] == ["7a0", "10a0"]
    assert note.format(6) in full["notes"]
    assert [row["runs"][0]["id"] for row in two_stage["rows"]] == ["9a1000", "9a500"]
    assert note.format(3) in two_stage["notes"]
    printed = capsys.readouterr()
    assert f"toy: {note.format(6)}" in printed.out + printed.err
    assert "6a0" in printed.out  # the table itself is whole


def test_summaries_and_whole_runs_give_the_same_page(made: Made) -> None:
    tables = make_tables(made.results)
    summaries = list(made.store.summaries())
    assert "by_popularity" not in summaries[0].facts
    results = with_whole_runs(summaries, tables, made.store)
    assert page(results, tables, made.store) == page(made.results, tables, made.store)


@pytest.mark.parametrize("number", ["0", "-3", "few"])
def test_no_number_of_rows(made: Made, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(made.store.root), "--html", "-", f"--most={number}"]) == 2
    assert f"'{number}' is no number of rows: 1 or more" in capsys.readouterr().err

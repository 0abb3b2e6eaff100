"""Folds of one family as one row, and their comparison."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from scipy import stats

from rexp.report.baseline import parse, with_baseline
from rexp.report.cells import markdown
from rexp.report.console import print_tables
from rexp.report.csv_parquet import frame
from rexp.report.frame import results_frame
from rexp.report.html_data import table_contents
from rexp.report.latex import latex
from rexp.report.statistics import compare, compare_folds
from rexp.report.summary import summaries
from rexp.store.result import RunResult
from rexp.store.store import Store

from .test_report import result, save, tables_of

if TYPE_CHECKING:
    from rexp.report.tables import Table

VALUES = {"mf": [0.30, 0.34, 0.32, 0.31, 0.36], "ease": [0.29, 0.31, 0.31, 0.28, 0.33]}


def run(name: str, model: str, seed: int, fold: int, value: float, **more: Any) -> dict[str, Any]:
    one = result(name, model, seed, value, facts={"n_users_evaluated": 100 + fold})
    one["data"] |= {"fingerprint": f"fold{fold}", "family": "fa411e", "train": 80, "test": 20}
    one["config"] |= {"data": {"name": "ml-1m", "split": {"name": "kfold", "folds": 5, "fold": fold}}}
    one["config"] |= more
    return one


RUNS = [
    run(f"{model[0]}{fold}", model, 0, fold, value)
    for model, values in VALUES.items()
    for fold, value in enumerate(values)
]


def test_the_folds_are_one_row_with_mean_and_deviation() -> None:
    (table,) = tables_of(RUNS, None, ["ndcg@10"])
    assert [(row.n_seeds, row.n_folds, row.runs) for row in table.rows] == [
        (1, 5, ("m0", "m1", "m2", "m3", "m4")),
        (1, 5, ("e0", "e1", "e2", "e3", "e4")),
    ]
    cell = table.rows[0].cells["ndcg@10"]
    assert (cell.mean, cell.sd, cell.n) == (pytest.approx(fmean(VALUES["mf"])), pytest.approx(stdev(VALUES["mf"])), 5)
    assert "100 to 104 users evaluated · folds of fa411e" in table.heading
    assert "data.split.fold" not in table.rows[0].config


def test_seeds_of_a_fold_are_averaged_first() -> None:
    more = [run(f"n{fold}", "mf", 1, fold, value + 0.1) for fold, value in enumerate(VALUES["mf"])][:2]
    (table,) = tables_of(RUNS + more, None, ["ndcg@10"])
    row = table.rows[0]
    means = [0.35, 0.39, 0.32, 0.31, 0.36]
    assert (row.n_seeds, row.n_folds) == (2, 5)
    assert row.cells["ndcg@10"].mean == pytest.approx(fmean(means))
    assert row.cells["ndcg@10"].sd == pytest.approx(stdev(means))


def test_one_fold_alone_is_a_table_as_any() -> None:
    (table,) = tables_of([one for one in RUNS if one["data"]["fingerprint"] == "fold3"], None, ["ndcg@10"])
    assert [row.folds for row in table.rows] == [None, None]
    assert table.counts == ("seeds",)
    assert "103 users evaluated · data fold3" in table.heading


def test_other_families_and_other_options_stand_apart() -> None:
    other = run("x0", "mf", 0, 0, 0.5)
    other["data"] |= {"family": "other", "fingerprint": "otherfold"}
    larger = run("l0", "mf", 0, 0, 0.5, fit={"loss": {"name": "bpr"}})
    tables = tables_of([*RUNS, other, larger], None, ["ndcg@10"])
    assert [[(row.difference, row.n_folds) for row in table.rows] for table in tables] == [
        [("fit.loss.name=bce", 5), ("fit.loss.name=bpr", 1), ("", 5)],
        [("", 0)],
    ]


def test_the_folds_own_teachers_are_one_teacher() -> None:
    def student(fold: int) -> dict[str, Any]:
        one = run(f"s{fold}", "mf", 0, fold, 0.4, teacher=f"e{fold}")
        return one | {"teacher": {"run_id": f"e{fold}", "name": "ease"}}

    (table,) = tables_of([*RUNS, *(student(fold) for fold in range(5))], ["model", "teacher"], ["ndcg@10"])
    students = [row for row in table.rows if row.labels[1] != "-"]
    assert [(row.n_folds, row.labels[1].split()[0]) for row in students] == [(5, "ease")]


def test_every_form_says_how_many_folds() -> None:
    tables = tables_of(RUNS, None, ["ndcg@10"])
    text = Console(width=200, record=True)
    print_tables(tables, text)
    shown = text.export_text()
    assert "seeds   folds" in shown
    assert "over folds, of each fold the mean over its seeds" in shown
    assert "| mf | 1 | 5 |" in markdown(tables)
    assert "mf & 1 & 5 &" in latex(tables)
    assert frame(tables)["folds"].to_list() == ["0 1 2 3 4"] * 2


def test_the_page_has_the_fold_of_each_run(tmp_path: Path) -> None:
    store = Store(save(tmp_path / "runs", RUNS))
    results = list(store.runs())
    (table,) = tables_of(RUNS, None, ["ndcg@10"])
    rows = table_contents(table, results, store)["rows"]
    assert [one["fold"] for one in rows[0]["runs"]] == [0, 1, 2, 3, 4]


def test_the_corrected_test_by_its_formula() -> None:
    d = np.array([0.01, 0.03, 0.01, 0.03, 0.03])
    (found,) = compare_folds([d], [0.25])
    t = d.mean() / sqrt((1 / 5 + 0.25) * d.var(ddof=1))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 4))
    assert (found.low + found.high) / 2 == pytest.approx(d.mean())
    # Where the interval ends at 0, p is .05; without the correction it is Student's paired test, and finds more.
    assert (found.low > 0) == (found.p < 0.05)
    assert compare_folds([d], [0.0])[0].p == pytest.approx(compare([d], "t")[0].p)
    assert found.p > compare([d], "t")[0].p
    assert (found.n_folds, found.n_users) == (5, 0)


def test_degenerate_differences() -> None:
    equal, same, one = compare_folds([np.zeros(3), np.full(3, 0.5), np.array([0.1])], [0.5, 0.5, 0.5])
    assert (equal.p, same.p, one.p) == (1, 0, 1)
    assert (same.low, same.high) == (0.5, 0.5)


def compared(tmp_path: Path, runs: list[dict[str, Any]]) -> Table:
    (table,) = with_baseline(
        tables_of(runs, None, ["ndcg@10", "parameters"]), parse("model=ease"), tmp_path, "wilcoxon"
    )
    return table


def test_rows_are_compared_over_the_folds_that_both_have(tmp_path: Path) -> None:
    table = compared(tmp_path, RUNS)
    d = np.subtract(VALUES["mf"], VALUES["ease"])
    comparison = table.rows[0].comparisons["ndcg@10"]
    assert comparison == compare_folds([d], [0.25])[0]
    assert set(table.rows[0].comparisons) == {"ndcg@10"}  # no cost is compared
    assert "corrected resampled t-test (Nadeau and Bengio 2003) over 5 folds" in markdown([table])
    fewer = compared(tmp_path, RUNS[:-2])
    assert fewer.rows[0].comparisons["ndcg@10"].n_folds == 3


def test_the_summary_tests_over_folds_too(tmp_path: Path) -> None:
    runs = [one | {"labels": {**one["labels"], "compress": "none"}} for one in RUNS]
    students = []
    for fold, value in enumerate([0.36, 0.37, 0.38, 0.35, 0.42]):
        one = run(f"k{fold}", "mf", 0, fold, value, compress={"order": ["kd"]}, teacher=f"e{fold}")
        students.append(one | {"labels": {**one["labels"], "compress": "kd"}})
    (found,) = summaries([RunResult(one) for one in [*runs, *students]], tmp_path)
    line = next(line for line in found.lines if line.part == "kd")
    assert line.comparison is not None
    assert line.comparison.n_folds == 5


def test_the_frame_of_results_names_family_and_fold(tmp_path: Path) -> None:
    found = results_frame(Store(save(tmp_path / "runs", RUNS)))
    assert found.schema["fold"] == pl.Int64
    assert sorted(found.filter(model="mf").select("family", "fold").rows()) == [("fa411e", fold) for fold in range(5)]
    (tmp_path / "other").mkdir()
    assert "fold" not in results_frame(Store(save(tmp_path / "other" / "runs", [result("r1", "mf", 0, 0.5)]))).columns

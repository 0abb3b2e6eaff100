"""Rows beside their baselines, and students beside their controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from rexp.__main__ import main
from rexp.errors import ConfigError
from rexp.report.all_columns import all_columns
from rexp.report.baseline import parse, with_baseline
from rexp.report.cells import markdown
from rexp.report.csv_parquet import comma_separated, frame
from rexp.report.latex import latex
from rexp.store.result import RunResult

from .test_report import result, save, tables_of

if TYPE_CHECKING:
    from rexp.report.tables import Table

KEYS = ["model", "compress"]
NOISE = np.random.default_rng(0).normal(0, 0.05, (8, 300))


def run(name: str, model: str, compress: str, seed: int, ndcg: float, **more: Any) -> dict[str, Any]:
    one = result(name, model, seed, ndcg, **more)
    one["labels"] = {**one["labels"], "compress": compress}
    one["config"] = {**one["config"], "compress": {"order": [compress]}}
    return one


RUNS = [
    run("n1", "mf", "none", 1, 0.30),
    run("n2", "mf", "none", 2, 0.32),
    run("k1", "mf", "kd", 1, 0.40),
    run("k2", "mf", "kd", 2, 0.42),
    run("q1", "mf", "quantize", 1, 0.30),
    run("e1", "ease", "none", 1, 0.35),
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Each run's users: its mean, and noise of the run's own; ``q1`` gives every user exactly what ``n1`` gave."""
    root = save(tmp_path / "runs", RUNS)
    for place, one in enumerate(RUNS):
        values = one["metrics"]["ndcg@10"] + NOISE[0 if one["run_id"] == "q1" else place]
        users = [f"u{user}" for user in range(300)]
        pl.DataFrame({"user": users, "ndcg@10": values}).write_parquet(root / one["run_id"] / "per_user.parquet")
    return root


def compared(store: Path, baseline: str = "compress=none", runs: list[dict[str, Any]] = RUNS) -> Table:
    tables = tables_of(runs, KEYS, ["ndcg@10", "parameters"])
    (table,) = with_baseline(tables, parse(baseline), store, "wilcoxon")
    return table


def test_a_row_is_compared_with_the_one_of_its_own_other_labels(store: Path) -> None:
    table = compared(store)
    rows = {row.labels: row for row in table.rows}
    kd = rows["mf", "kd"].comparisons["ndcg@10"]
    expected = (NOISE[2] + NOISE[3]) / 2 - (NOISE[0] + NOISE[1]) / 2 + 0.10
    assert kd.difference == pytest.approx(expected.mean())
    assert kd.significant
    assert kd.n_users == 300
    assert kd.low < 0.10 < kd.high
    assert rows["mf", "none"].is_baseline
    assert rows["ease", "none"].is_baseline
    assert not rows["ease", "none"].comparisons
    assert "parameters" not in rows["mf", "kd"].comparisons


def test_marks_say_what_they_mean(store: Path) -> None:
    text = markdown([compared(store)])
    assert "0.4100 ± 0.0141†" in text
    assert "† differs from compress=none with p < 0.05: Wilcoxon signed-rank test over 300 users, Holm-adjusted" in text
    assert "compared with mf none: mf kd, mf quantize" in text
    assert "no baseline" not in text


def test_the_teacher_is_no_baseline_of_a_student_of_another_model(store: Path) -> None:
    runs = [one for one in RUNS if one["run_id"] in ("k1", "k2", "e1")]
    for keys in (KEYS, ["compress"]):  # though the model is no name of a row, it is another
        tables = tables_of(runs, keys, ["ndcg@10", "parameters"])
        (table,) = with_baseline(tables, parse("compress=none"), store, "wilcoxon")
        assert not any(row.comparisons for row in table.rows)
        text = markdown([table])
        assert "0.4100 ± 0.0141‡" in text
        assert "0.3500‡" not in text, "the row that is called so needs none"
        assert "‡ no baseline: no one row of compress=none is like this one" in text
        assert frame([table])["baseline"].to_list() == ["none", "itself"]
        assert r"$^{\ddagger}$" in latex([table])


def test_one_baseline_for_all(store: Path) -> None:
    table = compared(store, "model=ease,compress=none")
    assert [bool(row.comparisons) for row in table.rows] == [True, True, True, False]


def test_what_names_no_row_is_told(store: Path) -> None:
    tables = tables_of(RUNS, ["model"], ["ndcg@10"])
    for text, words in (("compress=none", "not named by 'compress'"), ("model=itemknn", "no row is called so")):
        with pytest.raises(ConfigError, match=words):
            with_baseline(tables, parse(text), store, "t")
    with pytest.raises(ConfigError, match="is not KEY=VALUE"):
        parse("compress")


def test_every_form_of_the_command(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = [
        "report",
        str(store),
        "--rows",
        "model,compress",
        "--cols",
        "ndcg@10,bytes",
        "--baseline",
        "compress=none",
    ]
    assert main(common) == 0
    assert "0.4100 ± 0.0141†" in capsys.readouterr().out
    assert main([*common, "--latex", "-"]) == 0
    written = capsys.readouterr().out
    assert r"\textbf{0.4100 $\pm$ 0.0141$^{\dagger}$}" in written
    assert r"\underline{0.3500}" in written
    for form in ("csv", "parquet", "latex"):
        files = [tmp_path / f"{name}.{form}" for name in "ab"]
        for file in files:
            assert main([*common, f"--{form}", str(file)]) == 0
        assert files[0].read_bytes() == files[1].read_bytes(), "the same store gives the same bytes"
    table = pl.read_parquet(tmp_path / "a.parquet")
    kd = table.filter(pl.col("compress") == "kd")
    assert kd["ndcg@10 mean"].item() == pytest.approx(0.41)
    assert kd["ndcg@10 adjusted"].item() < 0.05
    assert kd["weight_bytes n"].item() == 2
    assert table.filter(pl.col("compress") == "none")["ndcg@10 adjusted"].is_null().all()


def test_the_page_has_the_marks_too(store: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    common = ["report", str(store), "--rows", "model,compress", "--baseline", "compress=none"]
    assert main([*common, "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert r"0.4100 \u00b1 0.0141\u2020" in text
    assert "differs from compress" in text


def test_latex_is_escaped_and_whole() -> None:
    text = latex(tables_of([run("r", "my_model", "50%", 1, 0.5)], KEYS, ["ndcg@10"]))
    assert r"my\_model & 50\% & 1 & 0.5000 \\" in text
    assert text.count(r"\begin{tabular}{llrr}") == text.count(r"\end{tabular}") == 1


def test_a_student_stands_beside_its_control() -> None:
    recipe = {"order": ["control"]}
    student = run("s", "mf", "kd", 1, 0.40, control=recipe)
    student["config"]["teacher"] = "t"
    control = run("c", "mf", "kd", 1, 0.33)
    control["config"] |= {"compress": recipe, "teacher": None}
    (table,) = tables_of([student, control], KEYS, ["ndcg@10"])
    taught, plain = table.rows
    assert table.columns == ("ndcg@10", "control ndcg@10")
    assert taught.cells["control ndcg@10"].mean == 0.33
    text = markdown([table])
    assert "compress.control_run=true" in text
    # Without the control its place is empty, and marked.
    (table,) = tables_of([student], KEYS, ["ndcg@10"])
    assert "| mf | kd | 1 | 0.4000 | - |" in markdown([table])
    # Another seed's control is not this one's.
    control["config"]["seed"] = 2
    (table,) = tables_of([student, control], KEYS, ["ndcg@10"])
    assert str(table.rows[0].cells["control ndcg@10"].mean) == "nan"
    assert plain.difference
    assert "control ndcg@10" in all_columns(table, [RunResult(student), RunResult(control)]).columns
    assert frame([table]).height == 2
    assert "control ndcg@10 mean" in comma_separated([table]).splitlines()[0]

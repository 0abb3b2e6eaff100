from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rexp.__main__ import main
from rexp.errors import ConfigError
from rexp.metrics.direction import higher_is_better
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.report.cells import markdown
from rexp.report.console import _grid, render_table
from rexp.report.csv_parquet import comma_separated
from rexp.report.tables import Table, make_tables
from rexp.report.whole_table import whole_table
from rexp.store.result import RunResult

FACTS = {
    "protocol": "full", "protocol_id": "aaaa1111", "mask": ["train", "valid"], "catalogue": "train",
    "catalogue_size": 3706, "n_users_evaluated": 6040, "ties": "item_id",
}  # fmt: skip


def result(
    run: str,
    model: str,
    seed: int,
    ndcg: float | None,
    *,
    factors: int = 8,
    facts: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "status": "done",
        "run_id": run,
        "finished": "2025-01-01",
        "labels": {"data": "ml-1m", "model": model, "compress": "none"},
        "seed": seed,
        "config": {"seed": seed, "model": {"name": model, "factors": factors}, "fit": {"loss": {"name": "bce"}}},
        "data": {"name": "ml-1m", "fingerprint": "f00dcafe99"},
        "facts": FACTS | (facts or {}),
        "metrics": {"ndcg@10": ndcg, "gini@10": None if ndcg is None else 1 - ndcg},
        "cost": {"parameters": 1000 * factors, "fit_seconds": 1.5 * factors, "weight_bytes": 4000},
        **more,
    }


RESULTS = [
    result("r1", "mf", 1, 0.25),
    result("r2", "mf", 2, 0.50),
    result("r3", "mf", 3, 0.75),
    result("r4", "pop", 1, 0.125),
]


def save(root: Path, results: list[dict[str, Any]]) -> Path:
    for one in results:
        (root / one["run_id"]).mkdir(parents=True)
        (root / one["run_id"] / "result.json").write_text(json.dumps(one))
    return root


def tables_of(
    results: list[dict[str, Any]], keys: list[str] | None = None, columns: list[str] | None = None
) -> list[Table]:
    return make_tables([RunResult(one) for one in results], keys, columns)


def printed(results: list[dict[str, Any]], width: int = 200, **options: Any) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False, highlight=False)
    render_table([RunResult(one) for one in results], console=console, **options)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_cell_is_mean_and_sample_deviation_over_seeds() -> None:
    (table,) = tables_of(RESULTS)
    mf, pop = table.rows
    assert (mf.labels, mf.seeds, mf.runs) == (("mf",), (1, 2, 3), ("r1", "r2", "r3"))
    assert (mf.cells["ndcg@10"].mean, mf.cells["ndcg@10"].sd, mf.cells["ndcg@10"].n) == (0.5, 0.25, 3)
    assert pop.cells["ndcg@10"].mean == 0.125
    assert "nan" not in markdown([table])
    assert table.columns == ("ndcg@10", "gini@10", "parameters", "fit_seconds")


def test_the_best_of_each_column_follows_its_direction() -> None:
    (table,) = tables_of([*RESULTS, result("r5", "ncf", 1, 0.25, factors=4)])
    assert table.best == {"ndcg@10": 0.5, "gini@10": 0.5, "parameters": 4000, "fit_seconds": 6.0}
    assert "| mf | 3 | **0.5000 ± 0.2500** | **0.5000 ± 0.2500** | 8,000 |" in markdown([table])
    assert tables_of(RESULTS[:3])[0].best == {}


def test_unlike_protocols_and_data_never_share_a_table() -> None:
    sampled = {"protocol": "sampled", "protocol_id": "bbbb", "candidates": {"n": 99, "sampler": "uniform"}}
    other_data = {"name": "ml-1m", "fingerprint": "0ther0"}
    tables = tables_of(
        [*RESULTS, result("r5", "mf", 1, 0.9, facts=sampled), result("r6", "mf", 1, 0.8, data=other_data)]
    )
    assert [len(table.rows) for table in tables] == [2, 1, 1]
    assert tables[0].heading == (
        "ml-1m · protocol full · mask train+valid · catalogue train (3,706 items) · 6,040 users evaluated"
        " · data f00dcafe, rules aaaa1111"
    )
    assert "99 uniform candidates" in tables[1].heading
    assert len({table.heading for table in tables}) == 3


def test_runs_that_differ_in_more_than_the_seed_are_rows_of_their_own_and_say_in_what() -> None:
    (table,) = tables_of([*RESULTS, result("r5", "mf", 1, 0.9, factors=16)])
    assert [(row.labels, row.difference, row.seeds) for row in table.rows] == [
        (("mf",), "model.factors=8", (1, 2, 3)),
        (("mf",), "model.factors=16", (1,)),
        (("pop",), "", (1,)),
    ]
    assert "mf (model.factors=16)" in markdown([table])
    # A key that names the row need not be said again.
    (table,) = tables_of([*RESULTS, result("r5", "mf", 1, 0.9, factors=16)], keys=["model", "model.factors"])
    assert [(row.labels, row.difference) for row in table.rows] == [
        (("mf", "8"), ""),
        (("pop", "8"), ""),
        (("mf", "16"), ""),
    ]


def test_options_of_a_stage_that_some_rows_have_are_not_spelt_out() -> None:
    def staged(run: str, order: list[str], stages: dict[str, Any]) -> dict[str, Any]:
        one = result(run, "mf", 1, 0.5)
        return one | {"config": one["config"] | {"compress": {"order": order, "stages": stages}}}

    quant = {"quant": {"name": "rowwise", "bits": 4}}
    runs = [staged("a", ["fit"], {}), staged("b", ["fit", "quant"], quant)]
    (table,) = tables_of([*runs, staged("c", ["fit", "quant"], {"quant": {"name": "rowwise", "bits": 8}})])
    assert [row.difference for row in table.rows] == [
        'compress.order=["fit"]',
        'compress.order=["fit","quant"], compress.stages.quant.bits=4',
        'compress.order=["fit","quant"], compress.stages.quant.bits=8',
    ]


def test_a_run_made_again_counts_once() -> None:
    again = result("r9", "mf", 3, 1.0, finished="2026-01-01")
    (table,) = tables_of([*RESULTS, again])
    assert table.rows[0].runs == ("r1", "r2", "r9")
    assert table.left_out == 1
    assert "left out: 1 older run" in printed([*RESULTS, again])


def test_a_value_that_is_not_defined_is_a_dash() -> None:
    text = markdown(tables_of([result("r1", "mf", 1, None), result("r2", "pop", 1, 0.5)]))
    assert "| mf | 1 | - | - | 8,000 |" in text


def test_the_screen_shows_rows_and_hides_what_does_not_fit() -> None:
    text = printed(RESULTS)
    assert "0.5000 ± 0.2500" in text
    assert "users evaluated" in text
    narrow = printed(RESULTS, width=40)
    assert "the screen is too narrow for gini@10, parameters, fit_seconds" in narrow
    assert "0.5000 ± 0.2500" in narrow
    body = [line for line in narrow.splitlines() if "mf" in line]
    assert all(len(line) <= 40 for line in body)


def test_a_table_that_fits_is_what_rich_would_lay_out() -> None:
    """The fast way and Rich's own differ in nothing, wide letters and styles among it."""
    results = [*RESULTS, result("w1", "模型", 1, 0.1), result("w2", "mf", 1, 0.9, factors=16)]
    (table,) = tables_of(results)
    whole = whole_table(table)
    assert whole is not None
    own, rich = Console(width=whole.width, record=True), Console(width=whole.width, record=True)
    own.print(whole.text, soft_wrap=True)
    rich.print(_grid(table, table.columns))
    shown = [console.export_text(styles=True, clear=False).splitlines() for console in (own, rich)]
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in shown[0]] == [
        re.sub(r"\x1b\[[\d;]*m", "", line) for line in shown[1]
    ]
    bold = [{text.strip() for text in re.findall(r"\x1b\[1m([^\x1b]*)", "\n".join(lines))} - {""} for lines in shown]
    assert bold[0] == bold[1]
    assert bold[0] >= {"model", "ndcg@10", "0.9000"}


def test_a_name_of_several_lines_is_laid_out_by_rich() -> None:
    (table,) = tables_of([result("r1", "two\nlines", 1, 0.5)])
    assert whole_table(table) is None
    assert "lines" in printed([result("r1", "two\nlines", 1, 0.5)])


def test_names_are_text_and_no_markup() -> None:
    assert "[red]x" in printed([result("r1", "[red]x", 1, 0.5)])


def test_what_is_kept_of_a_teacher_is_a_column() -> None:
    gate = {"metric": "ndcg@10", "share": 0.995, "pass99": True, "pass99.9": False}
    results = [result("a", "mf", 0, 0.4), result("b", "mf", 0, 0.3, factors=4, gate=gate)]
    (table,) = tables_of(results, columns=["ndcg@10", "share", "pass99"])
    assert [row.cells["share"].mean for row in table.rows if row.cells["share"].n] == [0.995]
    assert [row.cells["pass99"].mean for row in table.rows if row.cells["pass99"].n] == [1.0]


def test_unknown_rows_and_columns_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"no run has the column 'ndgc@10'; did you mean 'ndcg@10'"):
        tables_of(RESULTS, columns=["ndgc@10"])
    with pytest.raises(ConfigError, match=r"no run has the row key 'modle'; did you mean 'model'"):
        tables_of(RESULTS, keys=["modle"])


def test_csv_has_numbers_and_the_trail_to_the_runs() -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(tables_of(RESULTS, columns=["ndcg@10"])))))
    assert rows[0]["runs"] == "r1 r2 r3"
    assert (rows[0]["model"], rows[0]["ndcg@10 mean"], rows[0]["ndcg@10 sd"], rows[0]["ndcg@10 n"]) == (
        "mf", "0.5", "0.25", "3",
    )  # fmt: skip
    assert rows[1]["ndcg@10 sd"] == ""


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = save(tmp_path / "runs", RESULTS)
    assert main(["report", str(store)]) == 0
    assert "0.5000 ± 0.2500" in capsys.readouterr().out
    assert main(["report", str(store), "--markdown", "--cols", "ndcg@10,parameters", "--rows", "model,data"]) == 0
    assert "| model | data | seeds | ndcg@10 | parameters |" in capsys.readouterr().out
    assert main(["report", str(store), "--csv", str(tmp_path / "table.csv")]) == 0
    assert (tmp_path / "table.csv").read_text().count("\n") == 3
    assert main(["report", str(store), "--csv", str(tmp_path / "no" / "table.csv")]) == 1
    assert "table.csv cannot be written: No such file or directory; name another file" in capsys.readouterr().err
    assert main(["report", str(store), "--cols", "x"]) == 2
    assert main(["report", str(tmp_path / "empty")]) == 1
    assert "no finished run in" in capsys.readouterr().err


def test_a_thousand_runs_without_torch(tmp_path: Path) -> None:
    store = save(
        tmp_path, [result(f"{i:012x}", f"m{i % 10}", i // 50, i / 1000, factors=i % 50 // 10) for i in range(1000)]
    )
    code = (
        "import sys; from rexp.__main__ import main; code = main(['report', sys.argv[1]]);"
        "print('torch' in sys.modules, code)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(store)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False 0"


def test_directions_are_those_of_the_metrics() -> None:
    for plugin in registry.plugins("metric"):
        if plugin.distribution == OWN:
            assert higher_is_better(f"{plugin.name}@10|given") is plugin.load().higher_is_better, plugin.name  # type: ignore[attr-defined]
    assert higher_is_better("unheard_of@5") is None

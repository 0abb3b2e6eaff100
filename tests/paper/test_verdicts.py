"""Verdicts on planted records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rexp.paper.formats import html, latex, markdown, show
from rexp.paper.paper import Paper, PaperRow, Quick
from rexp.paper.record import PaperRecord, merge_records, read_records, write_records
from rexp.paper.render import page
from rexp.paper.verdicts import Check, CheckedCell, check

METRIC = "recall@50"


def paper(*rows: PaperRow, **more: Any) -> Paper:
    return Paper("small", "A_paper & more", "table 1", 0.01, rows, Quick(()), **more)


def record(row: str, seed: int, value: float | None, seconds: float = 10.0) -> PaperRecord:
    cost = {"fit_seconds": seconds, "weight_bytes": 4096}
    rest = dict.fromkeys(("selected", "teacher", "protocol")) | {"finished": "", "command": ""}
    empty: dict[str, Any] = {name: {} for name in ("refers", "data", "config", "versions", "machine")}
    return PaperRecord(row, seed, f"{row}{seed}", metrics={METRIC: value}, cost=cost, **rest, **empty)


def cell(row: PaperRow, *values: float) -> CheckedCell:
    found = check(paper(row), [record(row.name, seed, value) for seed, value in enumerate(values)])
    (one,) = found.cells
    return one


PLAIN = PaperRow("a", published={METRIC: 0.25})


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.26,), "reproduced"),
        ((0.24,), "reproduced"),
        ((0.26004,), "reproduced"),  # 0.2600 as printed
        ((0.2601,), "outside tolerance"),
        ((0.23, 0.27), "reproduced"),  # the mean decides
        ((0.23, 0.245), "outside tolerance"),
        ((), "not run"),
    ],
)
def test_a_verdict_is_of_the_mean_as_printed(values: tuple[float, ...], verdict: str) -> None:
    assert cell(PLAIN, *values).verdict == verdict


def test_what_was_not_read_at_its_source_decides_nothing() -> None:
    far = cell(PaperRow("a", published={METRIC: 0.25}, unverified=True), 0.9)
    assert far.verdict == "unverified"
    assert not Check((far,), ()).missed


def test_a_row_has_its_own_tolerance_and_seeds() -> None:
    found = cell(PaperRow("a", published={METRIC: 0.25}, tolerance=0.1, seeds=(0, 1, 2)), 0.3, 0.32)
    assert (found.verdict, found.seeds, found.wanted, found.tolerance) == ("reproduced", 2, 3, 0.1)
    assert found.sd == pytest.approx(0.014142, abs=1e-6)
    assert found.difference == 0.06


def test_a_row_without_published_values_is_shown_as_our_own() -> None:
    own = PaperRow("b")
    found = check(paper(PLAIN, own), [record("a", 0, 0.25), record("b", 0, 0.3)])
    assert [(one.row, one.verdict) for one in found.cells] == [("a", "reproduced"), ("b", "own")]
    assert not found.missed


def test_an_order_holds_or_not_or_was_not_run() -> None:
    rows = [PaperRow(name, published={METRIC: 0.25}) for name in "abc"]
    orders = (("a", "b"), ("b", "a"), ("a", "c"))
    found = check(paper(*rows, orders=orders), [record("a", 0, 0.26), record("b", 0, 0.25)])
    assert [order.holds for order in found.orders] == [True, False, None]
    assert found.missed


def test_every_form_shows_the_miss(capsys: pytest.CaptureFixture[str]) -> None:
    found_of = paper(PLAIN, orders=(("a", "a"),), notes="Why **so**.\n\n<script>no</script>")
    found = check(found_of, [record("a", 0, 0.30)])
    written = page(found_of, found)
    text = markdown(written)
    assert "| a | recall@50 | 0.2500 | 0.3000 | 1/1 | +0.0500 | ±0.01 | **outside tolerance** | 4,096 | 10 |" in text
    assert "Why **so**." in text
    assert "NOT SO HERE" in text
    assert r"A\_paper \& more" in latex(written)
    assert r"$\pm$0.01 & outside tolerance" in latex(written)
    in_html = html(written)
    assert '<td class="outside">outside tolerance</td>' in in_html
    assert "<script>" not in in_html
    assert "&lt;script&gt;" in in_html
    show(written)
    assert "1 outside tolerance" in capsys.readouterr().out


def test_records_are_kept_in_order_and_replaced(tmp_path: Path) -> None:
    rows = paper(PaperRow("b", seeds=(0, 1)), PaperRow("a"))
    file = tmp_path / "papers" / "small.jsonl"
    write_records(
        file,
        rows,
        [record("a", 0, 0.1), record("b", 1, 0.2), record("b", 0, 0.3), record("gone", 0, 0.4), record("a", 7, 0.6)],
    )
    assert [(one.row, one.seed) for one in read_records(file)] == [("b", 0), ("b", 1), ("a", 0)]
    again = merge_records(read_records(file), [record("a", 0, 0.5)])
    assert [one.metrics[METRIC] for one in again] == [0.3, 0.2, 0.5]
    assert read_records(tmp_path / "none.jsonl") == []
    file.write_text('{"row": "a"}\n')
    with pytest.raises(Exception, match=r"small.jsonl line 1 is no record of a run"):
        read_records(file)

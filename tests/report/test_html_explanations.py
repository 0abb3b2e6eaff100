"""Recommendations and their reasons on the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rexp.__main__ import main
from rexp.api import Explanation, Reason
from rexp.report.html import page
from rexp.report.tables import make_tables

from .browser import CHROMIUM, browser

if TYPE_CHECKING:
    from .conftest import Made

EVIL = "<b>Alien</b>"


def explanation(user: str, item: str, values: list[float], base: float | None = 0.0) -> Explanation:
    reasons = tuple(Reason(str(place), value, EVIL) for place, value in enumerate(values))
    return Explanation(user, item, "Seven", sum(values), "history", "exact contributions", base, reasons)


@pytest.fixture(scope="module")
def written(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = [
        explanation("u1", "7", [0.5, 0.25, -0.125, 0.0625, 0.03125, 0.25, 0.25]),
        explanation("u1", "8", [0.25]),
        explanation("u2", "7", [-0.5]),
    ]
    run = made.results[0].run_id
    path = tmp_path_factory.mktemp("why") / "report.html"
    path.write_text(page(made.results, make_tables(made.results), made.store, {run: found}), encoding="utf-8")
    return path


def test_each_list_has_its_reasons_and_the_sum_of_the_rest(made: Made, written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    data = re.search(r'id="data">(.*?)</script>', text)
    assert data is not None
    [run] = json.loads(data[1])["explained"]
    assert run["run"] == made.results[0].run_id
    assert [(one["user"], len(one["items"])) for one in run["lists"]] == [("u1", 2), ("u2", 1)]
    first = run["lists"][0]["items"][0]
    assert first["name"] == "7 (Seven)"
    assert first["reasons"][0] == [f"0 ({EVIL})", 0.5]
    assert (len(first["reasons"]), first["rest"]) == (5, [2, 0.5])
    assert EVIL not in text  # it is no markup


def test_reasons_without_a_page_are_refused(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(made.store.root), "--explain", made.results[0].run_id]) == 2
    assert "--html FILE" in capsys.readouterr().err


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_another_user_is_chosen_in_the_browser(written: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as tab:
        tab.open(written)
        text = "document.querySelector('#why-0').innerText"
        shown = tab.run(text)
        assert f"0 ({EVIL})" in shown
        assert "2 more" in shown
        assert tab.run("document.querySelectorAll('#why-0 .lists > tbody > tr').length") == 2
        choose = "select => { select.value = 'u2'; select.dispatchEvent(new Event('change')); }"
        tab.run(f"({choose})(document.querySelector('#why-0 select'))")
        assert tab.run("document.querySelectorAll('#why-0 .reason .against').length") == 1
        assert tab.complaints() == []

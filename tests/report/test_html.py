"""The page in a real browser, and as text."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.__main__ import main
from rexp.report.html import page
from rexp.report.tables import make_tables
from rexp.store.store import Store

from .browser import CHROMIUM, Page, browser
from .stores import EVIL

if TYPE_CHECKING:
    from .conftest import Made

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
ROWS = "#table-0 .report > tbody > tr:not(.opened)"
CELLS = (
    "[...document.querySelectorAll(`{rows}`)].map(row => row.querySelectorAll('td:not([hidden])')[{column}].innerText)"
)

BOX = "node => (({left, right, top, bottom}) => ({left, right, top, bottom}))(node.getBoundingClientRect())"
SHOWN = "row => row.querySelectorAll('td:not([hidden])')"
NAMED = f"node => [node.textContent, ({BOX})(node)]"


@pytest.fixture(scope="module")
def written(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(made.results, make_tables(made.results), made.store), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


@pytest.fixture
def shown(tab: Page, written: Path) -> Iterator[Page]:
    """The page, fresh; whatever is done to it, nothing is fetched and nobody complains."""
    tab.open(written)
    yield tab
    assert tab.run("document.title") == "rexp report"
    assert tab.requests() == [written.as_uri()]
    assert tab.complaints() == []


def column(shown: Page, name: str) -> list[str]:
    """The texts of a column of the first table, from top to bottom."""
    heads: list[str] = shown.run("[...document.querySelectorAll('#table-0 .report > thead th')].map(h => h.innerText)")
    place = [head.rstrip("▲▼").strip() for head in heads].index(name)
    found: list[str] = shown.run(
        f"[...document.querySelectorAll('{ROWS}')].map(row => ({SHOWN})(row)[{place}].innerText)"
    )
    return found


def head(name: str) -> str:
    """A script that finds the button of a column of the first table."""
    heads = "[...document.querySelectorAll('#table-0 .report > thead button')]"
    return f"{heads}.find(b => b.firstChild.data === {json.dumps(name)})"


# As text


def test_the_same_runs_give_the_same_page_wherever_they_lie(made: Made, written: Path, tmp_path: Path) -> None:
    store = Store(shutil.copytree(made.store.root, tmp_path / "elsewhere"))
    results = list(store.runs())
    assert page(results, make_tables(results), store) == written.read_text(encoding="utf-8")


def test_no_name_is_markup(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert "owned" in text
    assert EVIL not in text
    assert text.count("<script") == text.count("</script>") == 2
    assert "%%" not in text
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_the_command_writes_it_without_torch_or_matplotlib(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    code = (
        "import sys; from rexp.__main__ import main; code = main(sys.argv[1:]);"
        "print(code, 'torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    arguments = ["report", str(made.store.root), "--html", str(file)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False False"
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_page_that_cannot_be_written_is_said(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(made.store.root), "--html", str(tmp_path / "no" / "page.html")]) == 1
    assert "page.html cannot be written: No such file or directory; name another file" in capsys.readouterr().err


# In a browser


@needs_chromium
def test_a_click_on_a_header_sorts(shown: Page) -> None:
    as_stored = column(shown, "model")
    shown.run(f"{head('ndcg@10')}.click()")
    best_first = [float(text.split()[0]) for text in column(shown, "ndcg@10")]
    assert best_first == sorted(best_first, reverse=True)
    assert best_first != best_first[::-1]
    assert shown.run(f"{head('ndcg@10')}.closest('th').ariaSort") == "descending"
    shown.run(f"{head('ndcg@10')}.click()")
    assert [float(text.split()[0]) for text in column(shown, "ndcg@10")] == best_first[::-1]
    shown.run(f"{head('ndcg@10')}.click()")
    assert column(shown, "model") == as_stored
    # Less of a cost and of gini is better; names go by the alphabet.
    shown.run(f"{head('parameters')}.click()")
    sizes = [int(text.replace(",", "")) for text in column(shown, "parameters")]
    assert sizes == sorted(sizes)
    shown.run(f"{head('model')}.click()")
    assert column(shown, "model") == sorted(as_stored)


@needs_chromium
def test_the_filter_takes_words_and_bounds(shown: Page) -> None:
    shown.click("#table-0 input[type=search]")
    shown.type("mf kd")
    assert column(shown, "compress") == ["kd"]
    assert shown.run("document.querySelector('#table-0 .count').innerText") == "1 of 6 rows"
    shown.run("document.querySelector('#table-0 input[type=search]').select()")
    shown.type("mf ndcg@10>=0.1")
    assert sorted(text.split()[0] for text in column(shown, "ndcg@10")) == ["0.1005", "0.1605", "0.3205"]
    # The pictures show the same rows: the frontier three points.
    assert shown.run("document.querySelectorAll('#table-0 .cards .chart')[0].querySelectorAll('.mark').length") == 3
    shown.run("document.querySelector('#table-0 input[type=search]').select()")
    shown.type("nobody")
    assert column(shown, "model") == []


@needs_chromium
def test_columns_are_hidden_and_shown(shown: Page) -> None:
    def heads() -> list[str]:
        script = "[...document.querySelectorAll('#table-0 .report > thead th')].map(h => h.innerText)"
        found: list[str] = shown.run(script)
        return found

    before = heads()
    assert "weight_bytes" not in before
    shown.click("#table-0 .menu summary")
    labels: list[str] = shown.run("[...document.querySelectorAll('#table-0 .menu label')].map(l => l.innerText.trim())")
    for name in ("weight_bytes", "gini@10"):
        shown.click("#table-0 .menu label input", labels.index(name))
    assert set(heads()) == set(before) - {"gini@10"} | {"weight_bytes"}
    assert "2,000" in column(shown, "weight_bytes")
    shown.press("Escape")
    assert shown.run("document.querySelector('#table-0 .menu').open") is False


@needs_chromium
def test_the_keyboard_opens_a_row_with_configuration_runs_and_curves(shown: Page) -> None:
    place = next(k for k, text in enumerate(column(shown, "compress")) if text == "kd")
    shown.run(f"document.querySelectorAll('#table-0 .opener')[{place}].focus()")
    shown.press("Enter", "\r")
    opener = f"document.querySelectorAll('#table-0 .opener')[{place}]"
    assert shown.run(f"[{opener}.ariaExpanded, document.activeElement === {opener}]") == ["true", True]
    text = shown.run("document.querySelector('.opened').innerText")
    assert "teacher\t7a0" in text
    assert '[["fit","distill"]]' in text
    assert "5a0" in text
    assert "5a1" in text
    assert "fit.lr" not in text  # does not differ
    shown.click(".opened .configuration input")
    assert "fit.lr\t0.1" in shown.run("document.querySelector('.opened').innerText")
    assert shown.run("document.querySelectorAll('.opened .chart .mark').length") == 3
    options = shown.run("[...document.querySelectorAll('.opened option')].map(o => o.value)")
    assert options == ["ndcg@10", "train_loss"]
    shown.run(f"{opener}.focus()")
    shown.press("Enter", "\r")
    assert shown.run("document.querySelector('.opened')") is None


@needs_chromium
def test_tab_reaches_filter_columns_headers_and_rows(shown: Page) -> None:
    reached = []
    for _ in range(40):
        shown.press("Tab")
        reached.append(shown.run("document.activeElement.className || document.activeElement.tagName"))
    assert {"INPUT", "SUMMARY", "BUTTON", "opener", "SELECT"} <= set(reached)
    outline = shown.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


@needs_chromium
def test_a_point_opens_its_row_and_lights_it(shown: Page) -> None:
    shown.click("#table-0 .cards .chart .series[data-row='2'] .mark")
    assert shown.run("document.querySelector('#table-0 .opened').previousSibling.dataset.row") == "2"
    assert shown.run("document.querySelector('#tip').innerText").count("\n") == 2


@needs_chromium
def test_the_frontier_marks_what_no_row_beats(shown: Page) -> None:
    line = "document.querySelector('#table-0 .frontier').points.numberOfItems"
    assert shown.run(line) == 5  # all sizes; of the two smallest of one size the better
    choose = "select => { select.value = 'gini@10'; select.dispatchEvent(new Event('change')); }"
    shown.run(f"({choose})(document.querySelector('#table-0 select'))")
    assert shown.run(line) == 5  # less of it is better


@needs_chromium
def test_nothing_overlaps_or_leaves_the_screen(shown: Page) -> None:
    assert shown.run("document.documentElement.scrollWidth <= innerWidth")
    shown.run("document.querySelectorAll('.opener').forEach(b => b.click())")
    assert shown.run("document.documentElement.scrollWidth <= innerWidth")
    texts = f"[...chart.querySelectorAll('text')].map({NAMED})"
    charts = shown.run(f"[...document.querySelectorAll('.chart')].map(chart => [({BOX})(chart), {texts}])")
    assert len(charts) > 10
    for frame, labels in charts:
        for name, box in labels:
            assert frame["left"] - 1 <= box["left"], name
            assert box["right"] <= frame["right"] + 1, name
            assert frame["top"] - 1 <= box["top"], name
            assert box["bottom"] <= frame["bottom"] + 1, name
        for (one, a), (other, b) in itertools.combinations(labels, 2):
            assert not _meet(a, b), f"{one} overlaps {other}"
    buttons = shown.run(f"[...document.querySelectorAll('#table-0 thead button')].map({NAMED})")
    for (one, a), (other, b) in itertools.combinations(buttons, 2):
        assert not _meet(a, b), f"{one} overlaps {other}"


def _meet(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """More than a pixel of both boxes is the same."""
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    return bool(across > 1 and min(a["bottom"], b["bottom"]) - max(a["top"], b["top"]) > 1)

"""The Python of the documentation, executed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import Notebook

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "python.ipynb"


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    before = logging.getLogger("rexp").level
    yield
    logging.getLogger("rexp").setLevel(before)


def blocks(file: str, heading: str = "") -> list[str]:
    """The blocks of Python of a page, behind a heading."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text[text.index(heading) :], re.M | re.S)


def execute(sources: Iterable[str]) -> dict[str, Any]:
    """One namespace, as a reader or a kernel has."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, source in enumerate(sources, 1):
        exec(compile(source, f"block {number}", "exec"), names)
    return names


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names = execute(blocks("docs/python.md"))
    said = capsys.readouterr().out
    assert len(names["frame"]) == 2
    assert f"MF {names['split'].n_users}" in said
    assert "model=mff: there is no such option; did you mean 'mf'?" in said


def test_the_page_on_testing(capsys: pytest.CaptureFixture[str]) -> None:
    source = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    names = execute(blocks("docs/testing.md"))
    assert {result.check.id for result in names["failed"]} == {"loss.marked"}
    for line in capsys.readouterr().out.splitlines():
        assert f"# {line}" in source


def test_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = Notebook(NOTEBOOK)
    notebook.execute()
    assert notebook.names["frame"]["model"].n_unique() == 2
    assert len(notebook.names["runs"]) == 3


def test_the_notebook_is_kept_without_outputs() -> None:
    notebook = Notebook(NOTEBOOK)
    assert (notebook.node["nbformat"], notebook.node["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook.node["cells"]}) == len(notebook.node["cells"])
    for cell in notebook.code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


def test_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = blocks("README.md", "## From Python")
    names = execute([block])
    assert len(names["frame"]) == 2

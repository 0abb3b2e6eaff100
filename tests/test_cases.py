"""The notebooks of docs/cases/: whole, executed as they were saved, and what their sentences say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import CASES, Notebook

EXPLAIN = CASES.parents[1] / "plugins" / "rexp-explain"
NAMES = sorted(path.stem for path in CASES.glob("*.ipynb"))
needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that its cells leave."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(EXPLAIN)
    notebook = Notebook(CASES / f"{name}.ipynb")
    saved = [bool(cell["outputs"]) for cell in notebook.code]
    notebook.execute()
    assert [bool(cell["outputs"]) for cell in notebook.code] == saved
    return notebook.names


def ndcg(run: Any) -> float:
    return float(run.metrics["ndcg@10"])


@pytest.mark.parametrize("name", NAMES)
def test_a_case_is_saved_with_its_outputs(name: str) -> None:
    notebook = Notebook(CASES / f"{name}.ipynb")
    assert (notebook.node["nbformat"], notebook.node["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook.node["cells"]}) == len(notebook.node["cells"])
    assert [cell["execution_count"] for cell in notebook.code] == list(range(1, len(notebook.code) + 1))
    assert all(output["output_type"] != "error" for cell in notebook.code for output in cell["outputs"])
    assert notebook.path.stat().st_size < 30_000


def test_there_are_three() -> None:
    assert NAMES == ["films", "music", "shop"]


def test_outputs_are_what_cells_say(tmp_path: Path) -> None:
    sources = ['x = 3\nprint("a")\nprint("b")', "x + 1", "x = None\nx", "for _ in range(2):\n    x"]
    path = tmp_path / "some.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [source]} for source in sources]}))
    notebook = Notebook(path)
    notebook.execute()
    assert [cell["outputs"] for cell in notebook.code] == [
        [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}],
        [{"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {"text/plain": ["4"]}}],
        [],
        [],
    ]
    assert notebook.names["x"] is None


@pytest.mark.slow
def test_the_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = executed("shop", tmp_path, monkeypatch)
    pop, reader, ease = (ndcg(names[name]) for name in ("pop", "reader", "ease"))
    assert pop < reader < ease
    assert ndcg(names["small"]) > 0.9 * ease > 1.3 * ndcg(names["alone"])
    assert names["ease"].cost["weight_bytes"] > 340 * names["small"].cost["weight_bytes"]
    random, read, untaught, taught = (run.metrics["recall@10"] for run in names["cold"])
    assert untaught < 3 * random < taught
    assert min(read, taught) > 8 * random
    assert abs(names["found"].gap) < 1e-3
    assert names["lists"].height == 6


@needs_data
@pytest.mark.slow
def test_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = executed("music", tmp_path, monkeypatch)
    tags, sound, _ = (ndcg(run) for run in names["readers"])
    assert sound < ndcg(names["pop"]) < tags
    assert ndcg(names["alone"]) < ndcg(names["ease"]) < ndcg(names["small"]) < ndcg(names["blend"])
    assert abs(names["found"].gap) < 1e-3


@needs_data
@pytest.mark.slow
def test_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = executed("films", tmp_path, monkeypatch)
    assert ndcg(names["reader"]) < ndcg(names["pop"]) < ndcg(names["alone"]) < ndcg(names["small"])
    random, *found = (run.metrics["recall@10"] for run in (names["random"], *names["mapped"]))
    assert min(found) > 2 * random
    assert abs(names["found"].gap) < 1e-2

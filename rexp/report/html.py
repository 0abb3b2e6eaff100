"""One self-contained page: tables to sort, filter and open, and their pictures; it asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rexp.report.html_data import table_contents
from rexp.report.html_explanations import explanation_contents

if TYPE_CHECKING:
    from rexp.api import Explanation
    from rexp.report.tables import Table
    from rexp.store.result import RunResult
    from rexp.store.store import Store

SCRIPTS = ("dom", "scale", "chart", "bars", "details", "table", "plots", "explanations", "page")
"""In the order in which they build on one another."""
NOTHING: Mapping[str, Any] = {}


def page(
    results: Sequence[RunResult],
    tables: Sequence[Table],
    store: Store,
    explained: Mapping[str, Sequence[Explanation]] = NOTHING,
) -> str:
    """The page as text; the same store gives the same text.

    Its data lie in it as JSON, from which its script builds text nodes: a name that looks like markup stays a name.
    Its content security policy lets nothing run but that script, and nothing be fetched.

    Args:
        results: all finished runs of the store.
        tables: made from them; their columns are shown first, the runs' other columns can be switched on.
        store: where the runs' epochs and users lie.
        explained: recommendations of some runs with their reasons, by the run's id.
    """
    folder = files("rexp.report") / "page"
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    contents = {
        "tables": [table_contents(table, results, store) for table in tables],
        "explained": [explanation_contents(store.result(run), found) for run, found in explained.items() if found],
    }
    parts = {
        "STYLE": style,
        "STYLE_HASH": _hash(style),
        "SCRIPT": script,
        "SCRIPT_HASH": _hash(script),
        "DATA": _inert(contents),
    }
    pieces = (folder / "page.html").read_text(encoding="utf-8").split("%%")
    # Every second piece is the name of a part: what is put in is never looked through for names again.
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(pieces))


def _inert(value: Any) -> str:
    """JSON that no browser reads as the end of its element, or as a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    """As a content security policy wants it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

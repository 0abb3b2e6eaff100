"""The table of docs/troubleshooting.md, made from what the tests of messages type and expect.

python -m tests.hydra.troubleshooting writes it
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
BEGIN, END = "<!-- from tests/hydra/test_error_messages.py -->\n", "<!-- end -->\n"


def table() -> str:
    """One line a message, in the order of the tests."""
    lines = [f"| {_code(typed)} | {_code(told)} … |" for typed, told in _tested()]
    return "\n".join(["| what is typed | what rexp says |", "| --- | --- |", *lines]) + "\n"


def with_table(page: str) -> str:
    """The page with its table as the tests have it now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def _tested() -> Iterator[tuple[str, str]]:
    spec = importlib.util.spec_from_file_location("error_messages", Path(__file__).with_name("test_error_messages.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.COMPOSING
    yield from module.RUNNING


def _code(text: str) -> str:
    """As code within a table: what would end either is written otherwise."""
    return f"`` {text} ``".replace("|", "\\|") if "`" in text else f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""The page on messages has those that are tested."""

from __future__ import annotations

from .troubleshooting import PAGE, table, with_table


def test_its_table_is_that_of_the_tests() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert table().count("\n") > 60
    assert page == with_table(page), "write it anew with: python -m tests.hydra.troubleshooting"

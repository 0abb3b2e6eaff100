"""Texts: which are read, and what is no text."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import pytest
from rexp_text.texts import item_texts, text_columns

from rexp.api import ConfigError, DataError, DataSpec, FeatureSpec

SPEC = DataSpec(2, 3, 4, {"item.year": FeatureSpec("item", "number", 0)}, ("item.title", "item.plot", "user.about"))


@dataclass
class Texts:
    """What a split gives of texts."""

    columns: dict[str, list[str]]
    name: str = "mine"

    def text(self, column: str) -> list[str]:
        return self.columns[column]


def texts(**columns: list[str]) -> Any:
    return Texts({f"item.{name}": column for name, column in columns.items()})


def test_all_texts_of_items_are_read_or_those_that_are_named() -> None:
    assert text_columns(SPEC, None) == ["item.title", "item.plot"]
    assert text_columns(SPEC, ("item.plot",)) == ["item.plot"]
    split = texts(title=["A", " ", "C"], plot=["x ", "y", ""])
    assert item_texts(split, ["item.title", "item.plot"]) == ["A\nx", "y", "C"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("item.year",), "'item.year' is a number here, no text"),
        (("item.titel",), "items have no text 'item.titel'; did you mean 'item.title'"),
        (("user.about",), "items have no text 'user.about'"),
    ],
)
def test_what_is_no_text_of_items_is_refused(columns: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        text_columns(SPEC, columns)


def test_data_without_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no text of its items"):
        text_columns(DataSpec(1, 1, 1), None)


def test_empty_texts_are_told_and_numbers_are_none(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        item_texts(texts(title=["A", "", ""]), ["item.title"])
    assert caplog.messages == ["note: 2 of 3 items have no item.title; their vectors are zeros"]
    with pytest.raises(DataError, match="of 'mine' is empty for all 2 items"):
        item_texts(texts(title=["", " "]), ["item.title"])
    with pytest.raises(DataError, match="holds numbers and signs alone"):
        item_texts(texts(title=["12", "3.5", ""]), ["item.title"])

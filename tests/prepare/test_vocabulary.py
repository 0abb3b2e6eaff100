"""Numbers for ids: the same in all frames, and a vocabulary of those that are left."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rexp.errors import DataError
from rexp.prepare.build import _by_number
from rexp.prepare.filter_config import FilterConfig
from rexp.prepare.filters import apply_filters
from rexp.prepare.vocabulary import SIDES, number_ids, settle

TEXT = {"train": ["u7", "u10", "u7"], "test": ["u10", "new"]}
WHOLE = {"train": [7, 10, 7], "test": [10, -3]}
MIXED = {"train": ["07", "10", "07"], "test": [10, 7]}


def frames_of(ids: dict[str, list[Any]]) -> dict[str, pl.DataFrame]:
    return {name: pl.DataFrame({"user": values, "item": values[::-1]}) for name, values in ids.items()}


@pytest.mark.parametrize("ids", [TEXT, WHOLE, MIXED], ids=["text", "whole numbers", "both"])
def test_numbers_stand_for_the_same_id_in_all_frames(ids: dict[str, list[Any]]) -> None:
    frames = frames_of(ids)
    numbered, known = number_ids(frames)
    kind = str if ids is MIXED else type(ids["train"][0])
    for name, frame in frames.items():
        for side in SIDES:
            assert numbered[name][side].dtype == pl.Int32
            back = [known[side][number] for number in numbered[name][side].to_list()]
            assert back == [kind(value) for value in frame[side].to_list()]
    assert all(len(known[side]) == known[side].n_unique() for side in SIDES)


def test_the_vocabulary_holds_what_is_left_and_what_stands_beside() -> None:
    numbered, known = number_ids(frames_of({"all": ["10", "9", "x", "9"]}))
    left = {"all": numbered["all"].filter(pl.Series([True, True, False, True]))}
    vocabulary, dense = settle(left, "user", known["user"], [pl.Series(["11", "9"])])
    assert vocabulary.to_list() == ["9", "10", "11"]  # by their number, now that the text is gone
    assert dense[numbered["all"]["user"].to_numpy()].tolist() == [1, 0, -1, 0]


def test_repeated_pairs_are_named_by_their_own_ids() -> None:
    numbered, known = number_ids({"all": pl.DataFrame({"user": ["a", "b", "b"], "item": ["x", "y", "y"]})})
    with pytest.raises(DataError, match=r"user b and item y"):
        apply_filters(numbered["all"], FilterConfig(duplicates="error"), [], known)


@pytest.mark.parametrize("which", ["first", "last"])
def test_pairs_of_numbers_are_told_apart_as_those_of_text(which: Any) -> None:
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({side: draw.integers(0, 12, 200).astype(np.int32) for side in SIDES}).with_row_index("row")
    text = frame.with_columns(pl.col(*SIDES).cast(pl.String))
    config = FilterConfig(duplicates=which)
    assert apply_filters(frame, config, [])["row"].to_list() == apply_filters(text, config, [])["row"].to_list()


def test_the_order_by_number_is_stable() -> None:
    numbers = np.random.default_rng(0).integers(0, 9, 1000).astype(np.int32)
    assert _by_number(numbers).tolist() == np.argsort(numbers, kind="stable").tolist()
    assert _by_number(np.empty(0, np.int32)).tolist() == []

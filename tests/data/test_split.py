"""The split's views: rows of a user, items of a user, and above all what a query may show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch

from rexp.data.interactions import Interactions, sorted_distinct
from rexp.data.split import Split


def interactions(
    users: Sequence[int],
    items: Sequence[int],
    times: Sequence[int] | None = None,
    ratings: Sequence[float] | None = None,
) -> Interactions:
    return Interactions(
        np.array(users, np.int32),
        np.array(items, np.int32),
        None if ratings is None else np.array(ratings, np.float32),
        None if times is None else np.array(times, np.int64),
    )


NONE = interactions([], [])


def split(train: Interactions, valid: Interactions = NONE, test: Interactions = NONE) -> Split:
    return Split("made-up", train, valid, test, n_users=4, n_items=10, fingerprint="-")


# User 1 has no interaction, user 3 none in train.
TRAIN = interactions([0, 0, 0, 2], [5, 1, 5, 9], times=[10, 20, 30, 15])
VALID = interactions([0, 3], [7, 2], times=[25, 1])
TEST = interactions([0, 2, 3], [8, 1, 6], times=[40, 2, 50])
TIMED = split(TRAIN, VALID, TEST)


def without_times(part: Interactions) -> Interactions:
    return Interactions(part.users, part.items)


@pytest.mark.parametrize(("values", "expected"), [([], []), ([4], [4]), ([3, 1, 3, 2, 1], [1, 2, 3])])
def test_sorted_distinct(values: list[int], expected: list[int]) -> None:
    assert sorted_distinct(np.array(values, np.int64)).tolist() == expected


@pytest.mark.parametrize("rows", [np.array([True, False, True]), np.array([0, 2])])
def test_take_keeps_all_columns_of_the_chosen_rows(rows: np.ndarray) -> None:
    taken = interactions([0, 1, 2], [7, 8, 9], times=[4, 5, 6], ratings=[1, 2, 3]).take(rows)
    assert taken.users.tolist() == [0, 2]
    assert taken.items.tolist() == [7, 9]
    assert taken.times is not None
    assert taken.times.tolist() == [4, 6]
    assert taken.ratings is not None
    assert taken.ratings.tolist() == [1, 3]


def test_take_leaves_absent_columns_absent() -> None:
    taken = interactions([0, 1], [7, 8]).take(np.array([1]))
    assert taken.ratings is None
    assert taken.times is None
    assert len(taken) == 1


def test_offsets_span_users_without_rows() -> None:
    offsets = TRAIN.offsets(4)
    assert offsets.dtype == np.int64
    assert offsets.tolist() == [0, 3, 3, 4, 4]
    assert NONE.offsets(2).tolist() == [0, 0, 0]


def items_of(split: Split, parts: Sequence[str]) -> list[list[int]]:
    offsets, items = split.user_items(parts)  # type: ignore[arg-type]
    assert items.dtype == np.int32
    return [items[start:end].tolist() for start, end in pairwise(offsets)]


def test_user_items_are_ascending_and_distinct() -> None:
    assert items_of(TIMED, ["train"]) == [[1, 5], [], [9], []]
    assert items_of(TIMED, ["train", "valid"]) == [[1, 5, 7], [], [9], [2]]
    assert items_of(TIMED, ["test"]) == [[8], [], [1], [6]]
    assert items_of(TIMED, []) == [[], [], [], []]


def test_user_items_does_not_overflow_int32() -> None:
    big = Split("big", interactions([0, 79_999], [59_999, 3]), NONE, NONE, 80_000, 60_000, "-")
    offsets, items = big.user_items(["train"])
    assert items.tolist() == [59_999, 3]
    assert offsets[79_999:].tolist() == [1, 2]


def test_train_users_per_item_counts_distinct_users_of_train_only() -> None:
    counted = TIMED.train_users_per_item
    # Item 5 stands twice in user 0's rows; items 2, 6, 7 and 8 are in other parts only.
    assert counted.tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_spec_counts_training_rows() -> None:
    spec = TIMED.spec
    assert (spec.n_users, spec.n_items, spec.n_train) == (4, 10, 4)


def history(
    split: Split, parts: Sequence[str], users: Sequence[int] = (0, 1, 2, 3), length: int | None = None
) -> list[list[int]]:
    query = split.query(torch.tensor(users), parts, length)  # type: ignore[arg-type]
    assert query.users.tolist() == list(users)
    assert query.history is not None
    assert query.history.dtype == torch.int64
    return query.history.tolist()


def test_query_pads_in_front_and_keeps_the_order_of_time() -> None:
    assert history(TIMED, ["train"]) == [[5, 1, 5], [-1, -1, -1], [-1, -1, 9], [-1, -1, -1]]


def test_query_keeps_the_latest_items() -> None:
    assert history(TIMED, ["train"], length=2) == [[1, 5], [-1, -1], [-1, 9], [-1, -1]]


def test_query_fills_up_to_the_length() -> None:
    assert history(TIMED, ["train"], users=[2], length=3) == [[-1, -1, 9]]


def test_query_takes_users_in_any_order_and_repeated() -> None:
    assert history(TIMED, ["train"], users=[2, 0, 2]) == [[-1, -1, 9], [5, 1, 5], [-1, -1, 9]]


def test_query_without_parts_has_no_history() -> None:
    assert TIMED.query(torch.tensor([0]), []).history is None


def test_query_merges_parts_in_time() -> None:
    # The validation item of time 25 stands before the training item of time 30.
    assert history(TIMED, ["train", "valid"], users=[0]) == [[5, 1, 7, 5]]
    assert history(TIMED, ["valid", "train"], users=[0]) == [[5, 1, 7, 5]]


def test_query_without_times_puts_train_before_valid() -> None:
    timeless = split(without_times(TRAIN), without_times(VALID), without_times(TEST))
    assert history(timeless, ["valid", "train"], users=[0]) == [[5, 1, 5, 7]]


def test_query_keeps_train_first_where_times_are_equal() -> None:
    tied = split(interactions([0], [4], times=[1]), interactions([0], [3], times=[1]))
    assert history(tied, ["train", "valid"], users=[0]) == [[4, 3]]


@pytest.mark.parametrize("parts", [["train"], ["train", "valid"]])
def test_query_never_shows_an_item_of_another_part(parts: list[str]) -> None:
    shown = history(TIMED, parts)
    # Targets planted at other times and in other places, even before all that is shown, change nothing.
    for planted in (
        interactions([0, 1, 2, 3], [8, 8, 8, 8], times=[-9, -9, -9, -9]),
        interactions([0, 0, 0, 3], [0, 3, 4, 0], times=[11, 21, 99, 2]),
    ):
        assert history(split(TRAIN, VALID, planted), parts) == shown
    if "valid" not in parts:
        assert history(split(TRAIN, TEST, VALID), parts) == shown


def test_query_of_other_parts_does_not_change_an_earlier_one() -> None:
    fresh = split(TRAIN, VALID, TEST)
    before = history(fresh, ["train"])
    assert history(fresh, ["train", "valid", "test"], users=[0]) == [[5, 1, 7, 5, 8]]
    assert history(fresh, ["train"]) == before


def test_a_split_in_memory_names_ids_by_number() -> None:
    assert TIMED.user_ids().to_list() == [0, 1, 2, 3]
    assert TIMED.items_table()["item"].to_list() == list(range(10))
    assert TIMED.genre_matrix() is None

"""Every finding of the lint, each on a split that differs from a clean one in that alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.prepare.lint import Finding, findings, lint


def interactions(rows: Sequence[tuple[int, int, int]]) -> Interactions:
    """Rows of (user, item, time)."""
    users, items, times = np.array(rows, np.int64).reshape(-1, 3).T
    return Interactions(users.astype(np.int32), items.astype(np.int32), None, times)


TRAIN = interactions([(0, 0, 1), (0, 1, 2), (1, 2, 1), (1, 0, 5), (2, 1, 3), (2, 2, 4)])
VALID = interactions([(0, 3, 6)])
TEST = interactions([(0, 2, 10), (1, 1, 11), (2, 0, 12)])
CLEAN = Split(
    "made-up",
    TRAIN,
    VALID,
    TEST,
    n_users=4,
    n_items=6,
    fingerprint="-",
    candidates=np.array([[4, 5], [4, -1], [3, 5], [0, 1]], np.int32),
    report={"time": "clock", "split": {"chronological": True}, "sources": {"a": "ok", "b": "unpinned"}},
)


def with_rows(part: Interactions, *rows: tuple[int, int, int]) -> Interactions:
    assert part.times is not None
    everything = [*zip(part.users.tolist(), part.items.tolist(), part.times.tolist(), strict=True), *rows]
    return interactions(sorted(everything, key=lambda row: (row[0], row[2])))


def without_times(part: Interactions) -> Interactions:
    return replace(part, times=None)


def labeled(part: Interactions) -> Interactions:
    return replace(part, ratings=np.array([0.0] + [1.0] * (len(part) - 1), np.float32))


def timeless(chronological: bool) -> Split:
    parts = {"train": without_times(TRAIN), "valid": without_times(VALID), "test": without_times(TEST)}
    return replace(CLEAN, **parts, report={"time": None, "split": {"chronological": chronological}})


def found(split: Split) -> dict[str, int]:
    result = lint(split)
    assert all("\n" not in finding.text and finding.text for finding in result)
    assert len({finding.name for finding in result}) == len(result)
    return {finding.name: finding.count for finding in result}


def test_a_clean_split_has_no_finding() -> None:
    assert found(CLEAN) == {}


CASES: dict[str, tuple[Split, dict[str, int]]] = {
    # User 2's extra training row is later than user 0's test row, and earlier than the own one.
    "time-leak": (replace(CLEAN, train=with_rows(TRAIN, (2, 5, 11))), {"time-leak": 1}),
    "user-time-leak": (
        replace(CLEAN, train=with_rows(TRAIN, (0, 4, 13), (0, 5, 14))),
        {"time-leak": 2, "user-time-leak": 2},
    ),
    "duplicate-rows": (replace(CLEAN, train=with_rows(TRAIN, (0, 0, 3), (0, 0, 4), (1, 2, 2))), {"duplicate-rows": 3}),
    "duplicate test rows": (replace(CLEAN, test=with_rows(TEST, (0, 2, 20))), {"duplicate-rows": 1}),
    "cold-test-users": (
        replace(CLEAN, test=with_rows(TEST, (3, 2, 10), (3, 0, 11))),
        # User 3's candidates are 0 and 1.
        {"cold-test-users": 1, "target-among-negatives": 1},
    ),
    # Item 3 is in validation alone: that does not warm it.
    "cold-test-items": (replace(CLEAN, test=with_rows(TEST, (1, 3, 12), (0, 3, 12))), {"cold-test-items": 1}),
    "target-among-negatives": (
        replace(CLEAN, candidates=np.array([[4, 2], [4, -1], [0, 5], [0, 1]], np.int32)),
        {"target-among-negatives": 2},
    ),
    "train-test-overlap": (replace(CLEAN, test=with_rows(TEST, (0, 0, 20), (2, 1, 20))), {"train-test-overlap": 2}),
    # User 0's training row at the time of the test, user 1's at the time of a validation row, and user 2's earlier one.
    "tied-last": (
        replace(CLEAN, train=with_rows(TRAIN, (0, 5, 10), (2, 5, 9)), valid=with_rows(VALID, (1, 4, 5))),
        {"tied-last": 2},
    ),
    "validation and test tied": (replace(CLEAN, valid=with_rows(VALID, (2, 5, 12))), {"tied-last": 1}),
    "file-order": (timeless(chronological=True), {"file-order": 3}),
    "given-parts-joined": (
        replace(CLEAN, report={"time": "clock", "split": {"given_parts": "joined and divided anew"}}),
        {"given-parts-joined": 3},
    ),
    # Each of the parts of CLEAN gets a row with label 0, the others 1.
    "labels-ranked": (
        replace(CLEAN, **{part: labeled(getattr(CLEAN, part)) for part in ("train", "valid", "test")}),
        {"labels-ranked": 3},
    ),
    "unread-columns": (
        replace(
            CLEAN,
            report={"read": {"train": {"columns": {"user": "u"}, "unread": ["date", "stars"], "changed": {}}}},
        ),
        {"unread-columns": 2},
    ),
    "source-differs": (
        replace(CLEAN, report={"sources": {"a": "differs", "b": "ok", "c": "differs"}}),
        {"source-differs": 2},
    ),
}


@pytest.mark.parametrize(("split", "expected"), CASES.values(), ids=CASES.keys())
def test_each_finding_is_found_and_counted(split: Split, expected: dict[str, int]) -> None:
    assert found(split) == expected


def test_every_documented_finding_has_a_case() -> None:
    documented = {word.strip("`,. \n") for word in (lint.__doc__ or "").split() if word.startswith("``")}
    assert documented == {name for _, expected in CASES.values() for name in expected}


def test_ranks_in_time_are_not_compared_between_users() -> None:
    leaking = replace(CLEAN, train=with_rows(TRAIN, (2, 5, 11)))
    assert found(replace(leaking, report={"time": "order"})) == {}
    own = replace(CLEAN, train=with_rows(TRAIN, (0, 4, 13)), report={"time": "order"})
    assert found(own) == {"user-time-leak": 1}


def test_random_rows_of_data_without_times_are_no_finding() -> None:
    assert found(timeless(chronological=False)) == {}


def test_ties_of_parts_that_are_drawn_are_no_finding() -> None:
    tied, _ = CASES["tied-last"]
    assert found(replace(tied, report={"time": "clock", "split": {"chronological": False}})) == {}


def test_padding_is_no_candidate() -> None:
    # -1 would be the last user's or item's row if it were taken as an index.
    assert found(replace(CLEAN, candidates=np.full((4, 2), -1, np.int32))) == {}


def test_texts_say_how_many_of_how_many() -> None:
    texts = {name: lint(split)[-1].text for name, (split, _) in CASES.items()}
    assert texts["cold-test-items"] == "1 test items have no training interaction; 2 of 5 test rows ask for them"
    assert texts["target-among-negatives"].startswith("2 of 3 test users")
    assert (
        "1 training interactions (14.3%) are later than the earliest test one, 0.0% later than half"
        in (texts["time-leak"])
    )
    assert texts["tied-last"].startswith("2 users (3 are tested) have interactions of one time in two parts")
    assert texts["source-differs"].endswith(": a, c")


def test_findings_are_those_that_preparation_stored() -> None:
    stored: dict[str, Any] = {"name": "cold-test-users", "count": 7, "text": "as it was"}
    assert findings(replace(CLEAN, report={"findings": [stored]})) == [Finding(**stored)]
    assert findings(replace(CLEAN, report={"findings": []})) == []
    assert Finding(**stored).as_dict() == stored


def test_findings_are_looked_for_where_none_are_stored() -> None:
    split, expected = CASES["train-test-overlap"]
    assert [finding.name for finding in findings(split)] == list(expected)


def test_times_within_a_second_are_two_times() -> None:
    def later(part: Interactions) -> Interactions:
        assert part.times is not None
        return replace(part, times=part.times + 0.5)

    tied = replace(CLEAN, train=with_rows(TRAIN, (2, 5, 12)))
    assert "tied-last" in found(tied)
    assert "tied-last" not in found(replace(tied, test=later(TEST)))

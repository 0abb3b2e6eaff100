"""Groups of items by popularity, and how many pairs each gets."""

from __future__ import annotations

import pytest
import torch

from rexp.compress.distill.unkd import UnKD, UnKDConfig, pairs_of_groups, popularity_groups

from .helpers import Teacher, context_of, mf, split_of

COUNTS = torch.tensor([1, 10, 0, 5, 3, 2, 9])


def test_groups_have_about_the_same_number_of_interactions() -> None:
    groups = popularity_groups(COUNTS, 3)
    # 10 | 9 | 5 3 2 1 of 30, by the interactions before each item: 0, 10, 19, 24, 27, 29.
    assert [group.tolist() for group in groups] == [[1], [6, 3], [4, 5, 0]]


def test_an_item_that_fills_several_groups() -> None:
    assert [group.tolist() for group in popularity_groups(torch.tensor([1, 90, 1]), 3)] == [[1], [0, 2]]


@pytest.mark.parametrize(("n", "expected"), [(6, [2, 2, 2]), (8, [3, 3, 3]), (4, [2, 1, 1])])
def test_equal_shares(n: int, expected: list[int]) -> None:
    assert pairs_of_groups(COUNTS, popularity_groups(COUNTS, 3), n, 0.0) == expected


def test_shares_by_inverse_popularity() -> None:
    # Mean popularities 10, 7 and 2; 12 less each is 2, 5 and 10 of 17.
    assert pairs_of_groups(COUNTS, popularity_groups(COUNTS, 3), 34, 1.0) == [4, 10, 20]
    # Squared: 4, 25 and 100 of 129.
    assert pairs_of_groups(COUNTS, popularity_groups(COUNTS, 3), 129, 2.0) == [4, 25, 100]


def test_pairs_stay_within_a_group_in_the_teacher_s_order() -> None:
    split = split_of()
    model = mf(split, 8, 1)
    teacher = Teacher(model, split)
    attached = UnKD(UnKDConfig(groups=3, n=9)).attach(mf(split, 4, 2), context_of(split, teacher))
    attached.on_epoch(1)
    counts = torch.from_numpy(split.train_users_per_item)
    group_of = torch.full((split.n_items,), -1)
    for place, group in enumerate(popularity_groups(counts, 3)):
        group_of[group] = place
    better, worse = attached.better.long(), attached.worse.long()
    assert better.shape == (split.n_users, 9)
    assert torch.equal(group_of[better], group_of[worse])
    assert torch.equal(group_of[better], torch.arange(3).repeat_interleave(3).expand(split.n_users, -1))
    users = torch.arange(split.n_users)
    assert (teacher.scores(users, better) > teacher.scores(users, worse)).all()
    taken = set(zip(split.train.users.tolist(), split.train.items.tolist(), strict=True))
    assert not any(
        (user, item) in taken for user in users.tolist() for item in [*better[user].tolist(), *worse[user].tolist()]
    )

"""Negatives from the batch: the others' positives, and which of them count."""

from __future__ import annotations

import math

import pytest
import torch

from rexp.samplers.in_batch import InBatch, InBatchConfig
from rexp.train.negatives import single_negative
from rexp.train.positives import UserUniformPositives

from .helpers import generator, split_of

PAIRS = [(0, 0), (0, 1), (1, 1), (2, 2), (3, 3), (3, 0)]
USERS, POSITIVES = torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, 3])


def sampler(**options: object) -> InBatch:
    return InBatch(InBatchConfig(**options), split_of(PAIRS, 5, 5))  # type: ignore[arg-type]


def test_all_others_once_each() -> None:
    items = sampler().sample(USERS, POSITIVES, generator()).items
    assert [sorted(row) for row in items.tolist()] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert sampler().scope == "batch"


def test_known_positives_are_marked_and_others_have_their_share() -> None:
    negatives = sampler().sample(USERS, POSITIVES, generator())
    assert negatives.log_q is not None
    share = {0: 2 / 6, 1: 2 / 6, 2: 1 / 6, 3: 1 / 6}
    for user, items, row in zip(USERS.tolist(), negatives.items.tolist(), negatives.log_q.tolist(), strict=True):
        expected = [math.inf if (user, item) in PAIRS else math.log(share[item]) for item in items]
        assert row == pytest.approx(expected)


def test_marks_without_correction_and_correction_without_marks() -> None:
    marked = sampler(correct=False).sample(USERS, POSITIVES, generator()).log_q
    assert marked is not None
    assert set(marked.flatten().tolist()) == {0.0, math.inf}
    corrected = sampler(reject=False).sample(USERS, POSITIVES, generator()).log_q
    assert corrected is not None
    assert corrected.isfinite().all()
    assert sampler(reject=False, correct=False).sample(USERS, POSITIVES, generator()).log_q is None


def test_n_draws_from_the_others_evenly_and_by_the_generator() -> None:
    drawing = sampler(n=9_000)
    assert drawing.n == 9_000
    items = drawing.sample(USERS, POSITIVES, generator(1)).items
    assert torch.equal(items, drawing.sample(USERS, POSITIVES, generator(1)).items)
    for row, own in zip(items, POSITIVES, strict=True):
        counts = torch.bincount(row, minlength=4)
        assert counts[own] == 0
        assert (counts[torch.arange(4) != own] - 3_000).abs().max() < 200  # 4.5 standard deviations


@pytest.mark.parametrize("n", [None, 3])
def test_a_batch_of_one_has_nothing_that_counts(n: int | None) -> None:
    negatives = sampler(n=n).sample(USERS[:1], POSITIVES[:1], generator())
    assert negatives.log_q is not None
    assert negatives.log_q.isposinf().all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="null for all"):
        InBatchConfig(n=0)


def test_a_number_that_is_set_on_a_copy_counts() -> None:
    everyone = sampler()
    single = single_negative(everyone)
    items = single.sample(USERS, POSITIVES, generator()).items
    assert items.shape == (4, 1)
    assert (items.squeeze(1) != POSITIVES).all()
    assert everyone.sample(USERS, POSITIVES, generator()).items.shape == (4, 3)


def test_the_share_of_an_item_is_how_often_it_is_a_positive() -> None:
    # A user with one item and one with nine: the first item is every second positive of uniform users.
    pairs = [(0, 0), *((1, item) for item in range(1, 10))]
    split = split_of(pairs, 2, 10)
    shares = {}
    for positives in ("interactions", "users"):
        shares[positives] = InBatch(InBatchConfig(positives=positives), split).log_q(torch.arange(10)).exp()
    assert shares["interactions"].tolist() == pytest.approx([0.1] * 10)
    assert shares["users"].tolist() == pytest.approx([0.5, *[0.5 / 9] * 9])
    _, drawn, _ = UserUniformPositives(split.train, 2).at(torch.zeros(20_000, dtype=torch.int64), generator())
    assert (torch.bincount(drawn) / 20_000 - shares["users"]).abs().max() < 0.015

"""Popularity is the count of users."""

from __future__ import annotations

import numpy as np
import torch

from rexp.api import Capability, Query
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.models.pop import Popularity, PopularityConfig

from .helpers import check_capabilities, two_tastes


def test_every_way_to_score_agrees() -> None:
    split = two_tastes()
    model = Popularity(PopularityConfig(), split.spec)
    model.fit(split, torch.Generator())
    scores = check_capabilities(model, split.spec)
    counts = np.bincount(split.train.items, minlength=split.n_items)
    assert scores[0].tolist() == counts.tolist()
    assert Capability.CLOSED_FORM in model.capabilities()


def test_a_user_counts_once() -> None:
    train = Interactions(np.array([0, 0, 0, 1, 1], np.int32), np.array([2, 2, 2, 0, 1], np.int32))
    nothing = train.take(np.zeros(5, bool))
    split = Split("planted", train, nothing, nothing, 2, 4, fingerprint="planted")
    model = Popularity(PopularityConfig(), split.spec)
    model.fit(split, torch.Generator())
    assert model.score_all(Query(torch.tensor([1]))).tolist() == [[1, 1, 1, 0]]


def test_what_it_learned_is_in_its_state() -> None:
    split = two_tastes()
    model, other = Popularity(PopularityConfig(), split.spec), Popularity(PopularityConfig(), split.spec)
    model.fit(split, torch.Generator())
    other.load_state_dict(model.state_dict())
    query = Query(torch.tensor([0, 1]))
    assert torch.equal(model.score_all(query), other.score_all(query))
    model.score_all(query).zero_()  # the caller may write into it
    assert torch.equal(model.score_all(query), other.score_all(query))

"""Several teachers as one."""

from __future__ import annotations

import torch

from rexp.api import Capability, Query
from rexp.compress.distill.ensemble import Ensemble
from rexp.models.ncf import NCF, NCFConfig
from rexp.models.sasrec import SASRec

from .helpers import mf, split_of

SPLIT = split_of()
QUERY = Query(torch.arange(6))
ITEMS = torch.arange(18).view(6, 3)


def test_scores_are_the_weighted_mean_and_vectors_give_the_same() -> None:
    one, two = mf(SPLIT, 4, 0), mf(SPLIT, 8, 1)
    both = Ensemble([one, two], [0.25, 0.75])
    expected = 0.25 * one.score(QUERY, ITEMS) + 0.75 * two.score(QUERY, ITEMS)
    torch.testing.assert_close(both.score(QUERY, ITEMS), expected)
    torch.testing.assert_close(both.score_all(QUERY).gather(1, ITEMS), expected)
    dots = both.user_embeddings(QUERY) @ both.item_embeddings().T
    torch.testing.assert_close(dots.gather(1, ITEMS), expected)
    assert {Capability.DOT_PRODUCT, Capability.HAS_EMBEDDINGS} <= both.capabilities()


def test_what_one_member_cannot_do_all_together_cannot() -> None:
    torch.manual_seed(0)
    both = Ensemble([mf(SPLIT, 4, 0), NCF(NCFConfig(factors=4), SPLIT.spec)], [0.5, 0.5])
    assert Capability.HAS_EMBEDDINGS not in both.capabilities()
    assert Capability.DOT_PRODUCT not in both.capabilities()


def test_each_member_reads_its_own_length_of_history() -> None:
    torch.manual_seed(0)
    short, long = (SASRec(SASRec.Config(history_length=n), SPLIT.spec).eval() for n in (3, 5))
    both = Ensemble([short, long, mf(SPLIT, 4, 0)], [0.5, 0.25, 0.25])
    assert both.history_length == 5
    query = SPLIT.query(torch.arange(6), ["train"], both.history_length)
    expected = (
        0.5 * short.score(SPLIT.query(torch.arange(6), ["train"], 3), ITEMS)
        + 0.25 * long.score(query, ITEMS)
        + 0.25 * both.members[2].score(QUERY, ITEMS)  # type: ignore[operator]
    )
    torch.testing.assert_close(both.score(query, ITEMS), expected)

"""The sampler against its law."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rexp_starter.log_uniform import LogUniform, LogUniformConfig

from rexp.api import DataError, Interactions, Split


def split(items: list[int], n_items: int) -> Split:
    """One user a row takes these items."""
    train = Interactions(np.arange(len(items), dtype=np.int32), np.array(items, np.int32))
    return Split("tiny", train, train, train, n_users=max(1, len(items)), n_items=n_items, fingerprint="f")


SPLIT = split([2, 2, 2, 0, 0, 3, 1, 1], 5)  # ranks: 2, then 0 before 1, which is as popular, then 3; nobody took 4


def test_probabilities_follow_the_ranks_and_sum_to_one() -> None:
    found = LogUniform(LogUniformConfig(), SPLIT).log_q(torch.arange(5))
    ranks = {2: 1, 0: 2, 1: 3, 3: 4}
    for item, rank in ranks.items():
        assert found[item].item() == pytest.approx(math.log(math.log((rank + 1) / rank) / math.log(5)), rel=1e-5)
    assert found[4].item() == -math.inf
    assert found.exp().sum().item() == pytest.approx(1)


def test_draws_have_these_probabilities() -> None:
    sampler = LogUniform(LogUniformConfig(n=50), SPLIT)
    drawn = sampler.sample(torch.zeros(2000).long(), torch.zeros(2000).long(), torch.Generator().manual_seed(0))
    shares = torch.bincount(drawn.items.flatten(), minlength=5) / drawn.items.numel()
    # 100,000 draws: a share is off by less than 4 * sqrt(p (1 - p) / n) < 0.0064 in all but one of 10,000 seeds.
    torch.testing.assert_close(shares, sampler.log_q(torch.arange(5)).exp(), rtol=0, atol=0.0064)
    assert drawn.items.shape == (2000, 50)
    assert drawn.log_q is not None
    torch.testing.assert_close(drawn.log_q, sampler.log_q(drawn.items))


def test_the_generator_decides_and_the_correction_can_be_left_out() -> None:
    sampler = LogUniform(LogUniformConfig(correct=False), SPLIT)
    users = torch.zeros(30).long()
    same = [sampler.sample(users, users, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(same[0].items, same[1].items)
    assert same[0].log_q is None


def test_without_a_training_interaction_there_is_no_rank() -> None:
    with pytest.raises(DataError, match="no training interaction"):
        LogUniform(LogUniformConfig(), split([], 3))

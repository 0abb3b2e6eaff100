from __future__ import annotations

import pytest
import torch

from rexp.evaluate.counter_rng import random_bits, random_uniform


def test_uniform_and_uncorrelated_between_neighbors():
    columns = torch.arange(500).unsqueeze(0)
    draws = [random_uniform(seed, torch.arange(200), columns) for seed in (0, 1)]
    for draw in draws:
        assert draw.min() > 0
        assert draw.max() < 1
        assert draw.mean().item() == pytest.approx(0.5, abs=0.005)
        assert torch.histc(draw, 10, 0, 1).tolist() == pytest.approx([10_000] * 10, rel=0.05)
    pairs = [(draws[0], draws[1]), (draws[0][1:], draws[0][:-1]), (draws[0][:, 1:], draws[0][:, :-1])]
    for left, right in pairs:
        assert abs(torch.corrcoef(torch.stack([left.flatten(), right.flatten()]))[0, 1]) < 0.02


def test_a_value_belongs_to_its_seed_user_and_column():
    whole = random_bits(7, torch.tensor([3, 9]), torch.tensor([[1, 2, 5]]))
    assert random_bits(7, torch.tensor([9]), torch.tensor([[5]])).item() == whole[1, 2].item()
    assert whole.unique().numel() == 6
    # Results in published tables depend on these numbers: they may not change.
    assert random_bits(0, torch.tensor([0]), torch.tensor([[0]])).item() == 2077113891230206638

from __future__ import annotations

import torch

from rexp.start import set_up_torch


def test_momentum_without_gradients_ends_at_zero_not_at_slow_numbers() -> None:
    torch.set_flush_denormal(False)
    momentum = torch.ones(4)
    for _ in range(1000):
        momentum.mul_(0.9)
    assert 0 < momentum[0].item() < torch.finfo(torch.float32).tiny

    set_up_torch(1)

    assert momentum.mul_(0.9).tolist() == [0.0] * 4
    assert torch.get_num_threads() == 1

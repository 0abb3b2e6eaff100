from __future__ import annotations

import pytest
import torch

from rexp.experiment.warm_start import torch_settings


def test_momentum_without_gradients_ends_at_zero_not_at_slow_numbers() -> None:
    momentum = torch.ones(4)
    for _ in range(1000):
        momentum.mul_(0.9)
    assert 0 < momentum[0].item() < torch.finfo(torch.float32).tiny
    with torch_settings(threads=1):
        assert momentum.mul_(0.9).tolist() == [0.0] * 4


@pytest.mark.parametrize("flushed", [True, False])
def test_afterwards_all_is_as_it_was(flushed: bool) -> None:
    threads = torch.get_num_threads()
    torch.set_flush_denormal(flushed)
    try:
        with torch_settings(threads=threads + 1):
            assert torch.get_num_threads() == threads + 1
            assert torch.tensor(1e-38).div(2).item() == 0
        assert torch.get_num_threads() == threads
        assert (torch.tensor(1e-38).div(2).item() == 0) == flushed
    finally:
        torch.set_flush_denormal(False)

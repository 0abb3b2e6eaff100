"""Sizes that no machine holds are one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rexp.errors import ConfigError, RunError
from rexp.plugins.memory import check_size, memory_told


@pytest.mark.parametrize("make", [lambda: torch.empty(2**55), lambda: np.empty(2**55)], ids=["torch", "numpy"])
def test_an_allocation_that_fails_is_told(make: object) -> None:
    with pytest.raises(RunError, match=r"^there is not enough memory \(.*llocate .*\); make what"), memory_told():
        make()  # type: ignore[operator]


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="a bug"), memory_told():
        raise RuntimeError("a bug")


def test_a_model_beyond_the_machine_is_refused_without_asking_for_its_memory() -> None:
    with pytest.raises(ConfigError, match=r"^model: the weights would take 144,115,188 GB, this machine has "):
        check_size(lambda: nn.Embedding(2**30, 2**25), "model")


def test_looking_draws_no_number() -> None:
    torch.manual_seed(3)
    first = torch.rand(2)
    torch.manual_seed(3)
    check_size(lambda: nn.Linear(3, 3), "model")
    assert torch.equal(torch.rand(2), first)

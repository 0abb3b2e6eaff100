"""Bytes, by hand."""

from __future__ import annotations

import torch
from torch import nn

from rexp.measure.parameter_counts import sizes
from rexp.measure.sizes import byte_sizes, stored_zeros


class Mixed(nn.Module):
    """Weights with zeros, codes, a shared table and a buffer that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
        self.again = self.table
        self.codes = nn.Buffer(torch.zeros(5, dtype=torch.uint8))
        self.graph = nn.Buffer(torch.zeros(7, dtype=torch.int64), persistent=False)


def test_storages_count_once_and_what_is_no_weight_is_resident() -> None:
    # table 6 x 4, codes 5, graph 7 x 8; without zeros 2 x 4, and codes as they are: a code of 0 is no weight of 0
    assert byte_sizes(Mixed()) == {"resident_bytes": 24 + 5 + 56, "nominal_bytes": 8 + 5}


def test_a_model_full_of_stored_zeros_is_said_to_be_one() -> None:
    model = Mixed()
    line = stored_zeros({**sizes(model), **byte_sizes(model)})
    assert line is not None
    assert "13 bytes without them, 29 in truth" in line


def test_few_zeros_are_nothing_to_speak_of() -> None:
    assert stored_zeros({"tensor_bytes": 120, "nominal_bytes": 100}) is None
    assert stored_zeros({"tensor_bytes": 121, "nominal_bytes": 100}) is not None

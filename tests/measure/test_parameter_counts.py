"""What is counted of a model."""

from __future__ import annotations

import pytest
import torch

from rexp.measure.parameter_counts import sizes
from tests.compress.embed.helpers import mf, table_of


@pytest.mark.parametrize(
    ("stage", "options", "parameters", "n_bytes"),
    [
        ("rowwise", {"bits": 8}, 60 * 34, 60 * (32 + 8)),
        ("rowwise", {"bits": 2}, 60 * 34, 60 * (8 + 4)),
        ("pq", {"parts": 4, "bits": 4}, 60 * 4 + 16 * 32, 60 * 2 + 4 * 16 * 32),
        ("cluster", {"clusters": 8}, 60 + 8 * 32, 60 + 4 * 8 * 32),
    ],
)
def test_codes_are_numbers_too(stage: str, options: dict[str, int], parameters: int, n_bytes: int) -> None:
    found = sizes(table_of(stage, torch.randn(60, 32), **options))
    assert found == {"parameters": parameters, "nonzero": parameters, "tensor_bytes": n_bytes}


def test_a_plain_model() -> None:
    model = mf(factors=16, item_bias=False)
    numbers = (60 + 43) * 16
    assert sizes(model)["parameters"] == numbers
    assert sizes(model)["tensor_bytes"] == 4 * numbers

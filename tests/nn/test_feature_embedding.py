"""Features as vectors: what each kind adds, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rexp.api import Feature, FeatureSpec, Init
from rexp.nn.feature_embedding import FeatureEmbedding, FeatureSum

CATEGORY = Feature(FeatureSpec("item", "category", 3), np.array([2, 0, 1]))
SET = Feature(FeatureSpec("item", "set", 3), np.array([[1, 2], [0, 0], [2, 0]]))
NUMBER = Feature(FeatureSpec("item", "number", 0), np.array([0.5, -2.0, 0.0], np.float32))
VECTOR = Feature(FeatureSpec("item", "vector", 0, 2), np.array([[1, 0], [0, 0], [2, -1]], np.float16))
ROWS = torch.tensor([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]])


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (CATEGORY, [[7, 11], [1, 2], [3, 5]]),
        (SET, [[5, 8], [0, 0], [7, 11]]),
        (NUMBER, [[0.5, 1], [-2, -4], [0, 0]]),
        (VECTOR, [[1, 2], [0, 0], [-1, -1]]),
    ],
    ids=lambda value: value.spec.kind if isinstance(value, Feature) else "",
)
def test_what_a_feature_adds(feature: Feature, expected: list[list[float]]) -> None:
    vectors = FeatureEmbedding(feature.spec, 3, 2, Init("normal", 0.1))
    assert vectors(torch.arange(3)).shape == (3, 2), "before the data is known"
    vectors.bind(feature)
    with torch.no_grad():
        vectors.table.assign(ROWS[: len(vectors.table.rows())])
    torch.testing.assert_close(vectors(torch.arange(3)), torch.tensor(expected, dtype=torch.float32))
    torch.testing.assert_close(vectors(torch.tensor([2, 2])), torch.tensor([expected[2]] * 2, dtype=torch.float32))


def test_a_sum_of_all() -> None:
    features = {"item.a": NUMBER, "item.b": VECTOR}
    both = FeatureSum({name: feature.spec for name, feature in features.items()}, 3, 4, Init("normal", 1.0))
    both.bind(features)
    alone = [part(torch.arange(3)) for part in both.features]
    torch.testing.assert_close(both(torch.arange(3)), alone[0] + alone[1])
    both(torch.arange(3)).sum().backward()
    for part in both.features:
        assert isinstance(part, FeatureEmbedding)
        assert part.table.weight.grad is not None  # type: ignore[union-attr]

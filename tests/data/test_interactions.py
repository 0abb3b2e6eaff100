"""Helpers of columns of interactions."""

from __future__ import annotations

import numpy as np

from rexp.data.interactions import context_groups


def test_groups_are_of_keys_and_contexts() -> None:
    keys = np.array([7, 3, 7, 7])
    context = {"context.hour": np.array([1, 1, 2, 1]), "context.tags": np.array([[4, 0], [5, 0], [4, 0], [4, 0]])}
    assert context_groups(keys, context).tolist() == [1, 0, 2, 1]
    nothing = {name: values[:0] for name, values in context.items()}
    assert context_groups(keys[:0], nothing).shape == (0,)

"""Division where a denominator of 0 means that nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexp.data.types import Array


def quotient(numerator: Array, denominator: Array) -> Array:
    """The elementwise quotient of two floating point arrays of one shape; 0 where the denominator is not positive."""
    found: Array = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    return found

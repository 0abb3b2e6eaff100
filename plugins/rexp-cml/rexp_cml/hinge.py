"""The hinge loss over pairs: a positive above its negative by a margin (Hsieh et al., WWW 2017, §3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.api import Batch, Layout, reduce

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class HingeConfig:
    """Options of :class:`Hinge`.

    Args:
        margin: by how much a positive's score should be above its negative's.
        reduction: mean or sum over the pairs of the batch.
    """

    margin: float = 0.5
    reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise ValueError(f"margin={self.margin} must be above 0")


class Hinge:
    """max(0, margin - score of the positive + score of the negative)."""

    Config: ClassVar[type] = HingeConfig
    rexp_api: ClassVar[tuple[int, int]] = (2, 0)
    layout = Layout.PAIRWISE

    def __init__(self, config: HingeConfig) -> None:
        self.config = config

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scalar loss of ``scores`` (B, 2): positive, negative."""
        violations = (self.config.margin - scores[:, 0] + scores[:, 1]).relu()
        return reduce(violations, self.config.reduction, None if batch.log_q is None else batch.log_q[:, 1])

"""Stages that each break one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rexp.api import (
    Requirement,
    tables,
)
from tests.testing.wrong.no_options import NoOptions


class RightStage:
    """Rounds tables."""

    Config = NoOptions
    phase = "post"
    needs = frozenset({Requirement.TABLES})
    trainable_after = True
    modules: Mapping[str, type] = {}

    def __init__(self, config: Any) -> None: ...

    def apply(self, model: Any, context: Any) -> None:
        for table in tables(model).values():
            table.assign(self.rounded(table.rows(), context))

    def rounded(self, rows: Tensor, context: Any) -> Tensor:
        return (8 * rows).round() / 8


class LeavesNaN(RightStage):
    """stage.works"""

    def rounded(self, rows: Tensor, context: Any) -> Tensor:
        return rows / torch.zeros(())


class RoundsByTheClock(RightStage):
    """stage.repeatable"""

    def rounded(self, rows: Tensor, context: Any) -> Tensor:
        return rows + float(np.random.default_rng().random())


class LeavesAMask(RightStage):
    """stage.materialized"""

    def apply(self, model: Any, context: Any) -> None:
        model.register_forward_pre_hook(lambda module, arguments: None)
        super().apply(model, context)


class UnknownPhase(RightStage):
    """stage.stated"""

    phase = "later"


class HoldsTheModel(RightStage):
    """stage.hook"""

    phase = "train"

    def attach(self, model: Any, context: Any) -> Any:
        return _Hook(model)


class _Hook(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def loss(self, step: Any) -> dict[str, Tensor]:
        return {}

    def after_step(self) -> None: ...
    def on_epoch(self, epoch: int) -> None: ...
    def finish(self) -> None: ...

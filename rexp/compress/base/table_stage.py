"""Base class of stages that replace embedding tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from rexp.api import Requirement
from rexp.compress.base.budget import table_budgets
from rexp.errors import ConfigError, RunError
from rexp.nn.surgery import replace_module, tables

if TYPE_CHECKING:
    from torch import nn

    from rexp.api import StageContext
    from rexp.compress.base.budget import TableBudget
    from rexp.nn.compact_embedding import CompactEmbedding
    from rexp.nn.embedding import EmbeddingTable


class TableStage:
    """Replaces dense tables by compact ones wherever that saves memory."""

    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]]

    def __init__(self, config: Any) -> None:
        self.config = config

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> CompactEmbedding | None:
        """The replacement of ``dense``, or None to keep it; ``limit`` sizes options that are null."""
        raise NotImplementedError

    def limits(self, found: Mapping[str, EmbeddingTable]) -> Mapping[str, TableBudget]:
        """The budget of each table under the options."""
        return table_budgets(self.config, found)

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Swap the tables in place.

        Raises:
            ConfigError: no table gets smaller, or a budget is too small for one.
            RunError: a table holds NaN or infinite values.
        """
        found = tables(model, self.config.targets, self.config.ignore)
        allowed = self.limits(found)
        left = []
        for path, dense in found.items():
            if not dense.weight.isfinite().all():
                raise RunError(f"the table {path} holds values that are not finite; train with a lower learning rate")
            table = self.replace(dense, allowed[path], context)
            if table is not None and table.nbytes() < dense.nbytes():
                replace_module(model, path, table.to(dense.weight.device))
            else:
                size = "cannot" if table is None else f"{table.nbytes()} bytes, dense {dense.nbytes()}"
                left.append(f"{path}: {size}")
        if len(left) == len(found):
            raise ConfigError(f"{type(self).__name__} makes no table smaller ({'; '.join(left)}); leave the stage out")

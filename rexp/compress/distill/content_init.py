"""Vectors of cold items, from what a teacher or the data knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.preprocessing import normalize

from rexp.api import Requirement
from rexp.compress.distill._base import teacher_of
from rexp.errors import ConfigError, RunError
from rexp.nn.content import ContentOptions, ItemContent, mapped
from rexp.nn.surgery import tables
from rexp.plugins.options import require

if TYPE_CHECKING:
    from torch import nn

    from rexp.api import StageContext


@dataclass(frozen=True)
class ContentInitConfig(ContentOptions):
    """Options of :class:`ContentInit`.

    Args:
        source: of what is known: the ``teacher``'s vectors of items, or the ``content`` that the data has of them, for
            which no teacher is needed.
        columns, how, dim: of ``source=content``, see :class:`rexp.nn.content.ContentOptions`.
        l2: strength of the penalty on the map; what is known is brought to length 1 before.
        targets: paths of the tables of items, as patterns.
        ignore: paths that are left as they are, as patterns.
    """

    source: Literal["teacher", "content"] = "teacher"
    l2: float = 10.0
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.l2 > 0, f"l2={self.l2} must be above 0")


class ContentInit:
    """Gives cold items, which a fit leaves as they were drawn, the vectors that a ridge regression makes of what is
    known of them, learned from the trained items (Gantner et al., ICDM 2010). Rows of these stay as they are.

    A fine-tune may follow, with ``kd`` or ``rrd`` and their ``catalogue=all``.
    """

    Config: ClassVar[type] = ContentInitConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.TEACHER, Requirement.TABLES, Requirement.VECTORS})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: ContentInitConfig) -> None:
        self.config = config
        if config.source == "content":
            self.needs = frozenset({Requirement.TABLES})

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Write the cold rows of every table of items.

        Raises:
            ConfigError: no table is one of items, or it cannot be told which are.
            RunError: a table holds values that are not finite.
        """
        split, config = context.split, self.config
        found = tables(model, config.targets, config.ignore)
        if split.n_users == split.n_items and config.targets == ("*",) and not config.ignore:
            raise ConfigError(
                f"content_init: there are as many users as items ({split.n_items}), so that their tables look alike; "
                f"name those of items in its targets, of {', '.join(found)}"
            )
        of_items = {path: table for path, table in found.items() if len(table.rows()) == split.n_items}
        if not of_items:
            raise ConfigError(
                f"content_init: none of the tables {', '.join(found)} has a row for each of {split.n_items} items"
            )
        warm, known = split.in_catalogue("train"), self._known(context)
        cold = torch.from_numpy(np.flatnonzero(~warm))
        context.found["cold_items"] = len(cold)
        for path, table in of_items.items():
            rows = table.rows()
            if not rows.isfinite().all():
                raise RunError(f"the table {path} holds values that are not finite; train with a lower learning rate")
            of_cold = torch.from_numpy(mapped(known, rows.cpu().numpy(), warm, config.l2))[cold]
            table.assign(rows.index_copy(0, cold.to(rows.device), of_cold.to(rows)))

    def _known(self, context: StageContext) -> Any:
        """(I, C) what is known of the items, sparse or dense."""
        split = context.split
        if self.config.source == "teacher":
            return normalize(teacher_of(context).item_embeddings(torch.arange(split.n_items)).numpy())
        seed = int(torch.randint(2**31, (1,), generator=context.generator))
        return ItemContent(self.config, split.spec).read(split, seed)

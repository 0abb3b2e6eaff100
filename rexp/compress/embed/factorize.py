"""Tables of fewer columns, for all that read them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from rexp.api import Query, Requirement
from rexp.compress.base.budget import TableOptions, table_budgets
from rexp.compress.base.coupled_tables import columns_of, narrow_tables, read_together, reads_of
from rexp.compress.base.narrow import NarrowLinear, NarrowTable, dense_layer, layer_of
from rexp.compress.embed._joint_svd import balanced, joint_svd, strongest_directions
from rexp.errors import ConfigError
from rexp.nn.coupling import DotCoupling, LinearCoupling, Reader
from rexp.nn.surgery import replace_module

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageContext
    from rexp.compress.base.coupled_tables import Tables

BYTES = 4
"""Of a number in a dense table."""
FEW = 32
"""Up to so many columns of a reader have less to spare: ``auto`` keeps three quarters of them, and half of more."""


@dataclass(frozen=True)
class FactorizeConfig(TableOptions):
    """Options of :class:`Factorize`.

    Args:
        rank: columns that are left to each reader of a table, at most; null solves it from the budget of all tables
            together.
        keep: in the place of both: share of every reader's columns that is left, at least one; ``auto`` leaves a half,
            of up to 32 columns three quarters.
    """

    rank: int | None = None
    keep: float | Literal["auto"] | None = None

    def __post_init__(self) -> None:
        self.check(rank=self.rank)
        if self.keep is None:
            return
        if self.keep != "auto" and not 0 < self.keep <= 1:
            raise ValueError(f"keep={self.keep} must be above 0 and at most 1")
        if self.rank is not None or self.budget is not None:
            raise ValueError(f"keep={self.keep} stands in the place of rank and budget; give one of them")


class Factorize:
    """Joint factorization of trained tables into narrower dense ones, without an extra projection matrix.

    Two tables that meet in a dot product become the best approximation of their product, which is all that the model
    computes with them (Eckart and Young, 1936). A table that a layer reads is factorized together with the layer's
    weights in the same way, since their product is that layer's output; the layer gets fewer inputs. Tables whose rows
    a graph mixes are projected on the directions along which the mixed vectors are longest: mixing leaves columns
    alone, so that to project before it is to project after it. A weighted dot product has its weights in the tables
    afterwards, and ones in their place.
    """

    Config: ClassVar[type] = FactorizeConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.READERS})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"table": NarrowTable, "layer": NarrowLinear}

    def __init__(self, config: FactorizeConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: RecommenderModule, context: StageContext) -> None:
        """Swap tables, and layers that read them, in place.

        Raises:
            ConfigError: the options leave nothing to factorize, or the budget is too small.
            RunError: a table holds NaN or infinite values.
        """
        readers, dense = read_together(model, self.config.targets, self.config.ignore)
        ranks = self._ranks(readers, dense)
        narrow_tables(
            model, readers, dense, lambda reader: _narrow(model, reader, columns_of(reader, dense), ranks[reader])
        )

    def _ranks(self, readers: Sequence[Reader], dense: Tables) -> Mapping[Reader, int]:
        """The columns that are left to each reader at most: as asked, or the most that fit."""
        if (keep := self.config.keep) is None:
            return dict.fromkeys(readers, self.config.rank or self._fitting(readers, dense))
        widths = {reader: columns_of(reader, dense)[0].shape[1] for reader in readers}
        return {reader: max(1, round(_share(keep, width) * width)) for reader, width in widths.items()}

    def _fitting(self, readers: Sequence[Reader], dense: Tables) -> int:
        """The most columns that the budget allows every reader."""
        shares = table_budgets(self.config, dense).values()
        allowed = sum(share.most * (BYTES if share.counted == "parameters" else 1) for share in shares)
        reads = [(path, stop - start) for reader in readers for path, (start, stop) in reads_of(reader, dense)]
        whole = sum(table.nbytes() for table in dense.values())

        def size(rank: int) -> int:
            return whole - sum(BYTES * len(dense[path].weight) * max(0, width - rank) for path, width in reads)

        if self.config.budget is not None and size(1) > allowed:
            raise ConfigError(
                f"the tables {', '.join(dense)} take {size(1)} bytes at rank 1, the budget leaves them {int(allowed)}; "
                "raise it"
            )
        fitting = [rank for rank in range(1, max(width for _, width in reads) + 1) if size(rank) <= allowed]
        return max(fitting, default=1)


def _share(keep: float | Literal["auto"], width: int) -> float:
    """Of the columns of a reader that has so many."""
    if keep == "auto":
        return 0.75 if width <= FEW else 0.5
    return keep


def _narrow(model: RecommenderModule, reader: Reader, wide: Sequence[Tensor], rank: int) -> tuple[Tensor, ...]:
    """The narrow columns of each table of a reader, which is made to read them."""
    if isinstance(reader, DotCoupling):
        return _of_dot_product(model, reader.weight, wide[0], wide[1], rank)
    if isinstance(reader, LinearCoupling):
        layer = dense_layer(model, reader.layer)
        rows, weight = balanced(*joint_svd(wide[0], layer.weight, rank))
        replace_module(model, reader.layer, layer_of(weight, layer.bias))
        return (rows,)
    everyone = torch.arange(len(wide[0]), device=wide[0].device)
    mixed = torch.cat([model.user_embeddings(Query(everyone)), model.item_embeddings()])
    directions = strongest_directions(mixed, rank)
    return tuple(rows @ directions for rows in wide)


def _of_dot_product(
    model: RecommenderModule, weight: str | None, users: Tensor, items: Tensor, rank: int
) -> tuple[Tensor, ...]:
    if weight is None:
        return joint_svd(users, items, rank)
    weights = model.get_parameter(weight)
    narrow = joint_svd(users * weights[: users.shape[1]], items, rank)
    weights.zero_()[: narrow[0].shape[1]] = 1.0
    return narrow

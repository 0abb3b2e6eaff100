"""Parts of a model that are one and the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.api.model import WIDTHS
from rexp.errors import ConfigError
from rexp.nn.compact_embedding import CompactEmbedding
from rexp.nn.embedding import EmbeddingTable
from rexp.nn.surgery import find_modules, replace_module

if TYPE_CHECKING:
    from rexp.api import Requirement, StageContext

Kind = Literal["tables", "columns", "layers"]


@dataclass(frozen=True)
class TieConfig:
    """Options of :class:`Tie`.

    Args:
        targets: patterns of the tables' paths that may share one. Tables of one shape need not speak of the same ids
            (there may be as many users as items), so that they are named, not found.
        ignore: patterns of the paths of tables and layers that are left alone.
        kinds: what is tied: ``tables`` of the targets that have one shape; ``columns`` of a table that hold several
            parts of equal width (NeuMF's two); ``layers``, one with the transposed shape of another,
            unless it is a square.
    """

    targets: tuple[str, ...] = ("items", "history")
    ignore: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ("tables", "columns")


class RepeatedTable(CompactEmbedding):
    """A narrow row repeated to the full width.

    Args:
        n_rows, dim: the shape of the dense table.
        times: how often; ``dim`` is a multiple of it.
    """

    def __init__(self, n_rows: int, dim: int, times: int) -> None:
        super().__init__(n_rows, dim, times=times)
        self.times = times
        self.once = EmbeddingTable(n_rows, dim // times)

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,)."""
        narrow: Tensor = self.once(ids)
        return narrow.repeat(1, self.times)


class TransposedLinear(nn.Module):
    """A layer whose weights are another's, transposed; its bias is its own.

    Args:
        in_features, out_features: its sizes.
        bias: it has one.
        layer: the other one, which is the model's; an empty one for it to be put into where it is None.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool, layer: nn.Module | None = None) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.layer = nn.Linear(out_features, in_features) if layer is None else layer
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    @property
    def weight(self) -> Tensor:
        """(out, in)."""
        return cast("Tensor", self.layer.weight).T

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., out) of (..., in)."""
        return F.linear(inputs, self.weight, self.bias)

    def describe(self) -> dict[str, Any]:
        """Constructor arguments that recreate an empty layer of this form."""
        sizes = {"in_features": self.in_features, "out_features": self.out_features}
        return {**sizes, "bias": self.bias is not None}


class Tie:
    """Weights that are trained as one, from the start.

    Items that are recommended and items of a history may be the same vectors; NeuMF's two parts may read the same ones,
    the plain way to join them (He et al., WWW 2017, eq. 11); and an auto-encoder's decoder may be its encoder turned
    around (Vincent et al., JMLR 2010, §2.2). The first of those that are tied gives the initial values.
    """

    Config: ClassVar[type] = TieConfig
    phase: ClassVar[Literal["build"]] = "build"
    needs: frozenset[Requirement] = frozenset()
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"columns": RepeatedTable, "layer": TransposedLinear}

    def __init__(self, config: TieConfig) -> None:
        self.config = config

    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Tie in place.

        Raises:
            ConfigError: there is nothing to tie.
        """
        tie = {"tables": self._tables, "columns": self._columns, "layers": self._layers}
        if not sum(tie[kind](model) for kind in self.config.kinds):
            raise ConfigError(
                f"{type(model).__name__} has nothing to tie with kinds={list(self.config.kinds)}: 'tables' are of one "
                f"shape among targets={list(self.config.targets)} (two_tower with model.share_items=false), 'columns' "
                "parts of equal width in one (neumf with model.layers=[16,8] model.factors=8), 'layers' of transposed "
                "shapes (auto-encoders)"
            )

    def _tables(self, model: nn.Module) -> int:
        """Let tables of one shape be the first of them; how many are gone."""
        first: dict[torch.Size, nn.Module] = {}
        gone = 0
        for path, table in find_modules(model, EmbeddingTable, self.config.targets, self.config.ignore).items():
            shared = first.setdefault(table.weight.shape, table)
            if shared is not table:
                replace_module(model, path, shared)
                gone += 1
        return gone

    def _columns(self, model: nn.Module) -> int:
        """Let the parts of a table be the first of them, where the model says that it reads several of equal width."""
        widths = WIDTHS.of(model)
        if len(widths) < 2 or len(set(widths)) > 1:
            return 0
        found = find_modules(model, EmbeddingTable, ("*",), self.config.ignore)
        wide = {path: table for path, table in found.items() if table.weight.shape[1] == sum(widths)}
        for path, table in wide.items():
            n_rows, dim = table.weight.shape
            repeated = RepeatedTable(n_rows, dim, len(widths)).to(table.weight.device)
            repeated.once.assign(table.rows()[:, : widths[0]])
            replace_module(model, path, repeated)
        return len(wide)

    def _layers(self, model: nn.Module) -> int:
        """Let a layer be an earlier one, transposed."""
        found = find_modules(model, nn.Linear, ("*",), self.config.ignore)
        tied: set[str] = set()
        for (first, layer), (path, other) in combinations(found.items(), 2):
            turned_around = (other.out_features, other.in_features) == (layer.in_features, layer.out_features)
            square = layer.in_features == layer.out_features  # any two of these would fit
            if square or not turned_around or {first, path} & tied:
                continue
            turned = TransposedLinear(other.in_features, other.out_features, other.bias is not None, layer)
            turned.bias = other.bias
            replace_module(model, path, turned)
            tied |= {first, path}
        return len(tied) // 2

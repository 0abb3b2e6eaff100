"""Training that already sees what quantization will make of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rexp.api import Requirement
from rexp.compress.quantize.int8_linear import channel_codes
from rexp.compress.quantize.rowwise import Bits, Search, on_grid
from rexp.nn.embedding import EmbeddingTable
from rexp.nn.stamp import Stamp
from rexp.nn.surgery import select_modules

if TYPE_CHECKING:
    from rexp.api import StageContext, TrainStep

Kind = Literal["tables", "linear"]
NEEDS: Mapping[str, Requirement] = {"tables": Requirement.TABLES, "linear": Requirement.LINEAR}


@dataclass(frozen=True)
class QATConfig:
    """Options of :class:`QAT`.

    Args:
        targets, ignore: patterns of the tables' and layers' paths in the model.
        kinds: what is trained so: embedding ``tables`` for a ``rowwise`` of the same bits and search, ``linear`` layers
            for an ``int8_linear``.
        bits: of a number in a table.
        search: of a row's range, as ``rowwise`` has it; ``greedy`` makes a step more than ten times as long.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ("tables",)
    bits: Bits = 4
    search: Search = "none"

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("kinds=[] leaves nothing to quantize; take tables, linear or both")


class QAT:
    """Quantization-aware training: forward on the grid, backward straight through (Jacob et al., CVPR 2018, §3;
    the estimator is Bengio et al. 2013, arXiv:1308.3432).

    The grid is the one that is stored later, of each row's own values, so that there is no step size to learn. After
    the fit the weights are plain float32: a quantizing stage behind it puts them where training saw them.
    """

    Config: ClassVar[type] = QATConfig
    phase: ClassVar[Literal["train"]] = "train"
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {}

    def __init__(self, config: QATConfig) -> None:
        self.config = config
        self.needs = frozenset(NEEDS[kind] for kind in config.kinds)  # of what is chosen

    def attach(self, model: nn.Module, context: StageContext) -> Quantizing:
        """Let what is chosen be read on the grid.

        Raises:
            ConfigError: the patterns leave nothing.
        """
        where = (self.config.targets, self.config.ignore)
        tables = select_modules(model, EmbeddingTable, *where) if "tables" in self.config.kinds else {}
        layers = select_modules(model, nn.Linear, *where) if "linear" in self.config.kinds else {}
        return Quantizing(self.config, list(tables.values()), list(layers.values()))


class Quantizing(nn.Module):
    """Quantization at work in a fit; the modules that it acts on stay the model's own.

    Args:
        config: bits and search of the tables.
        tables: read through it. A batch's own rows alone are quantized, where a model asks for rows by their ids.
        layers: their weights are.
    """

    def __init__(self, config: QATConfig, tables: list[EmbeddingTable], layers: list[nn.Linear]) -> None:
        super().__init__()
        self._read = [TableOnGrid(table, config.bits, config.search) for table in tables]
        self._layers = layers
        for layer in layers:
            parametrize.register_parametrization(layer, "weight", WeightOnGrid())

    def loss(self, step: TrainStep) -> Mapping[str, Tensor]:
        """No additional loss."""
        return {}

    def after_step(self) -> None:
        """Forget what was made of the weights before."""
        for table in self._read:
            table.forget()

    def on_epoch(self, epoch: int) -> None:
        """No-op: nothing depends on the epoch."""

    def finish(self) -> None:
        """Leave the weights that were trained, without a trace."""
        for table in self._read:
            table.release()
        for layer in self._layers:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


class TableOnGrid:
    """A dense table whose rows are read as a row-wise table would store them.

    Args:
        table: is read so from now on, by ids and as a whole.
        bits, search: of the stored table.
    """

    def __init__(self, table: EmbeddingTable, bits: int, search: Search) -> None:
        self._table, self._bits, self._search = table, bits, search
        self._kept: tuple[Stamp, Tensor] | None = None
        self._hook = table.register_forward_hook(lambda _module, _ids, rows: self._straight_through(rows))
        table.rows = self._rows  # type: ignore[method-assign]

    def forget(self) -> None:
        """The weights have changed."""
        self._kept = None

    def release(self) -> None:
        """Read the table as it is again."""
        self._hook.remove()
        del self._table.rows

    def _rows(self) -> Tensor:
        """(n_rows, dim): all vectors; those of a validation are made once."""
        weight = self._table.weight
        if torch.is_grad_enabled():
            return self._straight_through(weight)
        # A fused optimizer leaves no trace in the version; it is followed by after_step.
        if self._kept is None or not self._kept[0].fits([weight]):
            self._kept = Stamp([weight]), self._straight_through(weight)
        return self._kept[1]

    def _straight_through(self, rows: Tensor) -> Tensor:
        wide = rows.detach().reshape(-1, rows.shape[-1])
        near = on_grid(wide.cpu(), self._bits, self._search).to(rows.device).view_as(rows)
        return rows + (near - rows).detach()


class WeightOnGrid(nn.Module):
    """A layer's weights as :class:`rexp.compress.quantize.int8_linear.Int8Layer` would read them back."""

    def forward(self, weight: Tensor) -> Tensor:
        """(out, in) near ``weight``, whose gradient is passed on as it is."""
        codes, scales = channel_codes(weight.detach())
        return weight + (codes * scales - weight).detach()

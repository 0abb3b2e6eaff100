"""No table at all: a network makes the vector of an id from its hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn

from rexp.compress.base.budget import TableBudget, TableOptions
from rexp.compress.base.table_stage import TableStage
from rexp.compress.embed._hashing import UniversalHashes
from rexp.nn.compact_embedding import ROWS_AT_ONCE, CompactEmbedding

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.nn.embedding import EmbeddingTable

Activation = Literal["mish", "relu"]
Start = Literal["moments", "plain"]
BUCKETS = 1_000_000
"""Values of a hash, as in the paper."""


@dataclass(frozen=True)
class DeepHashConfig(TableOptions):
    """Options of :class:`DeepHash`.

    Args:
        width: hashes of an id, and units of each hidden layer; null solves it from the budget.
        layers: hidden layers.
        activation: of the hidden layers; the paper's is mish.
        start: ``moments``, vectors that begin with the mean and variance of the dense table's; ``plain``, as the code
            of Tsang and Ahle (NeurIPS 2023) has it: hashes divided by the root of their number, weights and biases
            uniform within one by the root of the width. The vectors of all ids are alike at first, and AUC is lower.
    """

    width: int | None = None
    layers: int = 2
    activation: Activation = "mish"
    start: Start = "moments"

    def __post_init__(self) -> None:
        self.check(width=self.width)
        if self.layers < 1:
            raise ValueError(f"layers={self.layers} must be 1 or more")


class DeepHashTable(CompactEmbedding):
    """A network over hashes that are uniform on [-reach, reach].

    Args:
        n_rows, dim: the shape of the dense table.
        width: hashes, and units of a hidden layer.
        layers: hidden layers.
        activation: of the hidden layers.
        reach: of a hash.
    """

    def __init__(
        self, n_rows: int, dim: int, width: int, layers: int, activation: Activation, reach: float = 1.0
    ) -> None:
        super().__init__(n_rows, dim, width=width, layers=layers, activation=activation, reach=reach)
        self.reach = reach
        self.hashes = UniversalHashes(width, BUCKETS)
        parts: list[nn.Module] = []
        for size, following in pairwise([width] * (layers + 1) + [dim]):
            parts += [nn.Linear(size, following), nn.Mish() if activation == "mish" else nn.ReLU()]
        self.network = nn.Sequential(*parts[:-1])

    def lookup(self, ids: Tensor) -> Tensor:
        """(N, dim) vectors of ``ids`` (N,); one that stands there often is computed once."""
        if torch.compiler.is_compiling():  # the number of distinct ids is no shape that could be traced
            return self.compute(ids)
        distinct, places = torch.unique(ids, return_inverse=True)
        return self.compute(distinct).index_select(0, places)

    def compute(self, ids: Tensor) -> Tensor:
        """(N, dim): the network's output for ``ids`` (N,)."""
        uniform = self.hashes(ids).to(self.network[0].weight.dtype) * (2 / (BUCKETS - 1)) - 1
        vectors: Tensor = self.network(self.reach * uniform)
        return vectors

    @torch.no_grad()
    def draw(self, generator: Generator) -> None:
        """Draw weights and biases that are uniform within one by the root of a layer's inputs."""
        self.hashes.draw(generator)
        bound = self.options["width"] ** -0.5
        for parameter in self.network.parameters():
            parameter.uniform_(-bound, bound, generator=generator)

    @torch.no_grad()
    def start(self, rows: Tensor, generator: Generator) -> None:
        """Draw the network, and scale its output: mean 0, and the variance of each column of ``rows`` (n_rows, dim)."""
        self.hashes.draw(generator)
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                bound = (6 / layer.in_features) ** 0.5  # he_uniform
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.zero_()
        if len(rows) < 2:
            return
        made = self.lookup(torch.arange(min(len(rows), ROWS_AT_ONCE)))
        output = self.network[-1]
        assert isinstance(output, nn.Linear)
        scale = rows.square().mean(0).sqrt() / made.std(0).clamp(min=1e-12)
        output.weight.mul_(scale.unsqueeze(1))
        output.bias.copy_(-made.mean(0) * scale)


class DeepHash(TableStage):
    """Deep hash embeddings (Kang et al., KDD 2021). What is small here is slow: every look-up runs the network."""

    Config: ClassVar[type] = DeepHashConfig
    phase: ClassVar[Literal["build"]] = "build"
    modules: ClassVar[Mapping[str, type]] = {"table": DeepHashTable}
    config: DeepHashConfig

    def replace(self, dense: EmbeddingTable, limit: TableBudget, context: StageContext) -> DeepHashTable:
        """A network."""
        (n_rows, dim), config = dense.weight.shape, self.config

        def make(width: int) -> DeepHashTable:
            reach = 1.0 if config.start == "moments" else width**-0.5
            return DeepHashTable(n_rows, dim, width, config.layers, config.activation, reach)

        table = make(config.width or limit.largest(make, 1, n_rows))
        if config.start == "plain":
            table.draw(context.generator)
        else:
            table.start(dense.rows().cpu(), context.generator)
        return table

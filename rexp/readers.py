"""How a model reads its embedding tables: what a stage must know that changes several of them together.

A model that lets itself be factorised has a method ``readers() -> Sequence[Reader]``, and takes the widths of its
vectors from the tables, which may become narrower than its options say.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[int, int]
"""Columns of a table: the first, and the one behind the last."""


@dataclass(frozen=True)
class DotReader:
    """``sum over c of weight[c] * users[u, c] * items[i, c]``; nothing else reads these columns.

    Args:
        users, items: paths of the two tables in the model.
        columns: of both.
        weight: path of the parameter (C,) that weighs the products, of which as many are read as there are columns; or
            None for a plain dot product.
    """

    users: str
    items: str
    columns: Range
    weight: str | None = None


@dataclass(frozen=True)
class LayerReader:
    """A linear layer reads these columns, and nothing else does.

    Args:
        table: its path.
        columns: all that the layer reads.
        layer: path of the ``nn.Linear``.
    """

    table: str
    columns: Range
    layer: str


@dataclass(frozen=True)
class MixedReader:
    """A dot product of vectors that are weighted sums of rows of both tables, whatever the column.

    Args:
        users, items: paths of the two tables in the model.
    """

    users: str
    items: str


Reader = DotReader | LayerReader | MixedReader

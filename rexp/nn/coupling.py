"""Coupled parameters: which parts of a model must change together when one gets narrower.

A model that lets itself be factorized has a method ``coupled_parameters() -> Sequence[Reader]``, and takes the widths
of its vectors from the tables, which may become narrower than its options say. One with hidden layers has a method
``hidden_units() -> Sequence[HiddenUnits]``, and takes their widths from the layers.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[int, int]
"""Columns of a table: the first, and the one behind the last."""


@dataclass(frozen=True)
class DotCoupling:
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
class LinearCoupling:
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
class PropagatedCoupling:
    """A dot product of vectors that are weighted sums of rows of both tables, whatever the column.

    Args:
        users, items: paths of the two tables in the model.
    """

    users: str
    items: str


@dataclass(frozen=True)
class HiddenUnits:
    """The units between layers: the sum of some layers' outputs, passed on one by one, that nothing else reads.

    Args:
        makers: paths of the ``nn.Linear`` whose outputs are added.
        taker: path of the one that reads the units.
    """

    makers: tuple[str, ...]
    taker: str


Reader = DotCoupling | LinearCoupling | PropagatedCoupling

"""Tables turned so that few columns hold most of what the model computes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.compress.embed.factorize import Factorize

if TYPE_CHECKING:
    from rexp.readers import Reader
    from rexp.tables import EmbeddingTable


@dataclass(frozen=True)
class RotateConfig:
    """Options of :class:`Rotate`.

    Args:
        targets, ignore: patterns of the tables' paths in the model.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()


class Rotate(Factorize):
    """The joint factorisation of ``factorize`` with all of its columns: scores stay, and magnitudes come to mean
    something, for the columns are those of the singular vectors, the strongest first. To go before pruning."""

    Config: ClassVar[type] = RotateConfig

    def _rank(self, readers: Sequence[Reader], dense: Mapping[str, EmbeddingTable]) -> int:
        """All columns."""
        return max(table.weight.shape[1] for table in dense.values())

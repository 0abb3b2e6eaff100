"""Tables turned so that few columns hold most of what the model computes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.api import Requirement
from rexp.api.model import COUPLED_PARAMETERS
from rexp.compress.embed.factorize import Factorize
from rexp.io.text import warn

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageContext
    from rexp.compress.base.coupled_tables import Tables
    from rexp.nn.coupling import Reader


@dataclass(frozen=True)
class RotateConfig:
    """Options of :class:`Rotate`.

    Args:
        targets, ignore: patterns of the tables' paths in the model.
    """

    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()


class Rotate(Factorize):
    """The joint factorization of ``factorize`` with all of its columns: scores stay, and magnitudes come to mean
    something, for the columns are those of the singular vectors, the strongest first. To go before pruning. Since
    scores are the same with it and without, it is no error that a model cannot be turned: it is left as it is, and a
    note says so."""

    Config: ClassVar[type] = RotateConfig
    needs: frozenset[Requirement] = frozenset({Requirement.TABLES})

    def apply(self, model: RecommenderModule, context: StageContext) -> None:
        """Turn what is read in a known way, in place.

        Raises:
            ConfigError: the patterns leave nothing of it.
            RunError: a table holds NaN or infinite values.
        """
        if COUPLED_PARAMETERS.of(model)():
            super().apply(model, context)
        else:
            warn(f"rotate leaves the tables as they are: {type(model).__name__} has no coupled_parameters()")

    def _ranks(self, readers: Sequence[Reader], dense: Tables) -> Mapping[Reader, int]:
        """All columns."""
        return dict.fromkeys(readers, max(table.weight.shape[1] for table in dense.values()))

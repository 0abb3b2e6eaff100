"""Sampling of interesting and uninteresting items for relaxed ranking distillation, once an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from rexp.compress.distill._complement import ROWS_AT_ONCE, Complement
from rexp.compress.distill._sampling import draw_positions
from rexp.data.types import PADDING

if TYPE_CHECKING:
    import numpy as np

LISTS_AT_ONCE = 128
"""Lists that are drawn on demand at least: a draw of fewer takes about as long."""


def take(table: Tensor, positions: Tensor) -> Tensor:
    """(B, k) entries of ``table`` (B, N) at ``positions`` (B, k); -1 stays -1."""
    return table.gather(1, positions.clamp(min=0)).where(positions != PADDING, PADDING)


class RankedLists:
    """The teacher's ranking of every row, and draws from it.

    Args:
        best: (R, depth) int32, the teacher's best columns of each row beside the held ones, padded with -1.
        held: columns of the training part, in compressed rows (:class:`Complement`).
        n_columns: columns in all.
        interesting: how many are drawn of ``best``, rank r (from 1) with a probability in proportion to
            exp(-r / temperature), without replacement.
        uninteresting: how many are drawn uniformly beside ``best`` and the held ones, without replacement.
        temperature: of the draw, in ranks.
        fixed: take the first ``interesting`` of ``best`` instead of drawing.
    """

    def __init__(
        self,
        best: Tensor,
        held: tuple[np.ndarray, np.ndarray],
        n_columns: int,
        interesting: int,
        uninteresting: int,
        temperature: float,
        fixed: bool,
    ) -> None:
        self.best, self.others = best, Complement(held, best, n_columns)
        self.interesting, self.uninteresting = interesting, uninteresting
        self.temperature, self.fixed = temperature, fixed

    def draw(self, generator: Generator, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Interesting (R, K), in the teacher's order, and uninteresting (R, L) columns, int32, padded with -1.

        Args:
            generator: the source of chance.
            rows: (R,) of these rows; None for all.
        """
        best = self.best if rows is None else self.best[rows]
        first = best[:, : self.interesting] if self.fixed else self._draw_interesting(best, generator)
        return first, self.others.draw(self.uninteresting, generator, rows)

    def _draw_interesting(self, best: Tensor, generator: Generator) -> Tensor:
        weights = -torch.arange(1, best.shape[1] + 1) / self.temperature
        blocks = []
        for block in torch.split(best, ROWS_AT_ONCE):
            log_weights = weights.expand(block.shape).masked_fill(block == PADDING, -torch.inf)
            blocks.append(take(block, draw_positions(log_weights, self.interesting, generator)))
        return torch.cat(blocks)


class ListsOnDemand:
    """Lists of an epoch, drawn when they are first asked for: where a fit asks for few of them, few are drawn.

    Args:
        lists: what is drawn from.
    """

    def __init__(self, lists: RankedLists) -> None:
        self.lists = lists
        n_rows = len(lists.best)
        self.drawn = torch.zeros(n_rows, dtype=torch.bool)
        self.first = torch.empty(n_rows, lists.interesting, dtype=torch.int32)
        self.others = torch.empty(n_rows, lists.uninteresting, dtype=torch.int32)

    def forget(self) -> None:
        """Begin an epoch."""
        self.drawn.zero_()

    def of(self, rows: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Interesting (R, K) and uninteresting (R, L) columns of ``rows`` (R,), distinct ones, as :class:`RankedLists`
        draws them."""
        missing = rows[~self.drawn[rows]]
        if len(missing):
            self.drawn[missing] = True
            more = (~self.drawn).nonzero().flatten()[: max(0, LISTS_AT_ONCE - len(missing))]
            self.drawn[more] = True
            missing = torch.cat([missing, more])
            self.first[missing], self.others[missing] = self.lists.draw(generator, missing)
        return self.first[rows], self.others[rows]

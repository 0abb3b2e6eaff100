"""A mixture of experts from the student's vectors to the teacher's, whose gate looks at the teacher's."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.compress.distill._gumbel import choose, gumbel
from rexp.compress.distill._layers import linear, uniform

ROWS_AT_ONCE = 512
"""Rows whose hidden layers are held at once: larger ones leave the cache."""
DENSE = 0.5
"""From this share of experts that count, computing all of them is faster than looking for those that do."""
EMPTY = 8
"""Empty places of a batch that take as long as another expert computed alone."""


class Experts(nn.Module):
    """M networks ``d_s -> hidden -> d_t`` with ReLU, mixed by a gate (Kang et al., CIKM 2020).

    The second layers are linear, so the mixture of all is one product with their weights below one another. Once the
    temperature is low, nearly every weight of the mixture rounds to 0, and only the experts that count are computed.

    Args:
        student_size, teacher_size: d_s and d_t; ``hidden`` is their mean, or half of them where they are alike.
        n: M.
        generator: draws the first weights, and the noise of the gate.
    """

    def __init__(self, student_size: int, teacher_size: int, n: int, generator: Generator) -> None:
        super().__init__()
        same = student_size == teacher_size
        self.n, self.hidden = n, max(1, student_size // 2 if same else (student_size + teacher_size) // 2)
        self.generator = generator
        self.first = uniform((n * self.hidden, student_size), student_size, generator)
        self.first_bias = uniform((n * self.hidden,), student_size, generator)
        self.second = uniform((n * self.hidden, teacher_size), self.hidden, generator)
        self.second_bias = uniform((n, teacher_size), self.hidden, generator)
        self.gate = linear(teacher_size, n, generator)

    def groups(self, teacher: Tensor) -> Tensor:
        """(B,) int64: the expert that the gate likes best for each of the teacher's vectors (B, d_t)."""
        with torch.no_grad():
            best: Tensor = self.gate(teacher).argmax(1)
            return best

    def choose(self, teacher: Tensor, temperature: float) -> Tensor:
        """(B, M) weights of the mixture, drawn anew."""
        gates: Tensor = self.gate(teacher).softmax(1)
        return choose(gates, gumbel(gates, self.generator), temperature)

    def forward(self, student: Tensor, mixture: Tensor) -> Tensor:
        """(B, d_t): ``sum_m z_m f_m(s)`` for vectors (B, d_s) and weights (B, M)."""
        counts = mixture > torch.finfo(mixture.dtype).eps / 2
        if counts.sum() < DENSE * counts.numel():
            return self._chosen(student, mixture, counts)
        blocks = zip(torch.split(student, ROWS_AT_ONCE), torch.split(mixture, ROWS_AT_ONCE), strict=True)
        return torch.cat([self._all(*block) for block in blocks])

    def _all(self, student: Tensor, mixture: Tensor) -> Tensor:
        hidden = F.linear(student, self.first, self.first_bias).relu().view(-1, self.n, self.hidden)
        return torch.addmm(mixture @ self.second_bias, (hidden * mixture.unsqueeze(2)).flatten(1), self.second)

    def _chosen(self, student: Tensor, mixture: Tensor, counts: Tensor) -> Tensor:
        """The same, from the pairs of rows and experts that count: in one batch where that leaves few places empty."""
        experts, rows = counts.T.nonzero().unbind(1)
        sizes, weights = counts.sum(0), mixture.T[counts.T]
        longest = int(sizes.max())
        if longest * self.n - len(rows) > EMPTY * int((sizes > 0).sum()):
            return self._one_by_one(student, rows, weights, sizes)
        places = experts * longest + torch.arange(len(rows), device=rows.device) - (sizes.cumsum(0) - sizes)[experts]
        rows = rows.new_zeros(self.n * longest).index_copy(0, places, rows)
        weights = weights.new_zeros(self.n * longest).index_copy(0, places, weights)
        inputs = student.index_select(0, rows).view(self.n, longest, -1)
        first, second = (layer.view(self.n, self.hidden, -1) for layer in (self.first, self.second))
        hidden = torch.baddbmm(self.first_bias.view(self.n, 1, -1), inputs, first.mT).relu()
        outputs = torch.baddbmm(self.second_bias.unsqueeze(1), hidden, second).flatten(0, 1)
        return _summed(len(student), rows, outputs * weights.unsqueeze(1))

    def _one_by_one(self, student: Tensor, rows: Tensor, weights: Tensor, sizes: Tensor) -> Tensor:
        """The same for pairs in the order of their experts, of which expert m has ``sizes[m]``."""
        first, second = (layer.view(self.n, self.hidden, -1).unbind() for layer in (self.first, self.second))
        biases = zip(self.first_bias.view(self.n, -1).unbind(), self.second_bias.unbind(), strict=True)
        counts = sizes.tolist()
        pairs = zip(torch.split(student.index_select(0, rows), counts), torch.split(weights, counts), strict=True)
        outputs = [
            torch.addmm(bias_2, F.linear(inputs, w_1, bias_1).relu(), w_2) * weight.unsqueeze(1)
            for (inputs, weight), w_1, w_2, (bias_1, bias_2) in zip(pairs, first, second, biases, strict=True)
            if len(inputs)
        ]
        return _summed(len(student), rows, torch.cat(outputs))


def _summed(n: int, rows: Tensor, values: Tensor) -> Tensor:
    """(n, D) sums of the values (M, D) of each row, in their precision: under autocast not that of the student."""
    return values.new_zeros(n, values.shape[1]).index_add(0, rows, values)


def squared_distance(teacher: Tensor, reconstructed: Tensor) -> Tensor:
    """(B,) squared Euclidean distances between rows."""
    return (teacher - reconstructed).square().sum(1)

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
        """The same, from the pairs of rows and experts that count, expert by expert."""
        rows = counts.T.nonzero()[:, 1]
        sizes = counts.sum(0).tolist()
        first = self.first.view(self.n, self.hidden, -1).unbind()
        biases = zip(self.first_bias.view(self.n, -1).unbind(), self.second_bias.unbind(), strict=True)
        second = self.second.view(self.n, self.hidden, -1).unbind()
        inputs = torch.split(student.index_select(0, rows), sizes)
        weights = torch.split(mixture.T[counts.T].unsqueeze(1), sizes)
        outputs = [
            torch.addmm(second_bias, F.linear(rows_in, w_1, first_bias).relu(), w_2) * weight
            for rows_in, weight, w_1, w_2, (first_bias, second_bias) in zip(
                inputs, weights, first, second, biases, strict=True
            )
        ]
        nothing = student.new_zeros(len(student), self.second.shape[1])
        return nothing.index_add(0, rows, torch.cat(outputs))


def squared_distance(teacher: Tensor, reconstructed: Tensor) -> Tensor:
    """(B,) squared Euclidean distances between rows."""
    return (teacher - reconstructed).square().sum(1)

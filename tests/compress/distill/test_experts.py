"""The mixture of experts: its formula, its two ways to compute it, its gate."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from scipy.stats import gumbel_r, kstest
from torch import Tensor, nn

from rexp.compress.distill._experts import Experts, squared_distance
from rexp.compress.distill._gumbel import annealed, choose, gumbel


def experts(student: int = 3, teacher: int = 5, n: int = 4, dtype: torch.dtype = torch.float64) -> Experts:
    return Experts(student, teacher, n, torch.Generator().manual_seed(0)).to(dtype)


def one_by_one(mixture_of: Experts, student: Tensor, mixture: Tensor) -> Tensor:
    """The same experts as separate networks, in a loop."""
    total = torch.zeros(len(student), mixture_of.second.shape[1], dtype=student.dtype)
    for m in range(mixture_of.n):
        rows = slice(m * mixture_of.hidden, (m + 1) * mixture_of.hidden)
        first = nn.Linear(student.shape[1], mixture_of.hidden, dtype=student.dtype)
        second = nn.Linear(mixture_of.hidden, total.shape[1], dtype=student.dtype)
        first.weight, first.bias = (nn.Parameter(p[rows]) for p in (mixture_of.first, mixture_of.first_bias))
        second.weight = nn.Parameter(mixture_of.second[rows].T)
        second.bias = nn.Parameter(mixture_of.second_bias[m])
        total = total + mixture[:, m : m + 1] * second(torch.relu(first(student)))
    return total


def rows(count: int, size: int, seed: int = 1) -> Tensor:
    return torch.randn(count, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def few(count: int, n: int = 4) -> Tensor:
    """Mixtures of one expert or two, and an expert that nobody takes."""
    mixture = torch.zeros(count, n, dtype=torch.float64)
    mixture[torch.arange(count), torch.arange(count) % (n - 1)] = 0.75
    mixture[0, 0], mixture[0, 1] = 0.25, 0.75
    return mixture


def crowded(count: int, n: int = 4) -> Tensor:
    """Mixtures of one expert, which nearly all rows take, beside one row of another."""
    mixture = torch.zeros(count, n, dtype=torch.float64)
    mixture[:, 2] = 1
    mixture[1] = torch.tensor([0.5, 0.5, 0, 0])
    return mixture


WAYS = pytest.mark.parametrize(
    "mixture", [rows(12, 4).softmax(1), few(12), crowded(12)], ids=["all count", "few count", "one is crowded"]
)


@WAYS
def test_all_ways_are_the_loop(mixture: Tensor) -> None:
    ours, student = experts(), rows(12, 3)
    torch.testing.assert_close(ours(student, mixture), one_by_one(ours, student, mixture))


def test_many_rows_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, student, mixture = experts(), rows(9, 3), rows(9, 4).softmax(1)
    whole = ours(student, mixture)
    monkeypatch.setattr("rexp.compress.distill._experts.ROWS_AT_ONCE", 4)
    torch.testing.assert_close(ours(student, mixture), whole)


@WAYS
def test_gradients(mixture: Tensor) -> None:
    ours, teacher = experts(), rows(12, 5, 2)

    def loss(student: Tensor, weights: Tensor, *parameters: Tensor) -> Tensor:
        names = ["first", "first_bias", "second", "second_bias"]
        made = torch.func.functional_call(ours, dict(zip(names, parameters, strict=True)), (student, weights))
        return squared_distance(teacher, made)

    learned = [
        p.detach().clone().requires_grad_() for p in (ours.first, ours.first_bias, ours.second, ours.second_bias)
    ]
    # Weights of 0 are left out of the few, so theirs are only checked where all count.
    weights = mixture.clone().requires_grad_(bool((mixture > 0).all()))
    assert torch.autograd.gradcheck(loss, (rows(12, 3).requires_grad_(), weights, *learned))


def test_sizes() -> None:
    assert experts(20, 200).hidden == 110
    assert experts(50, 50).hidden == 25
    names = {name: tuple(parameter.shape) for name, parameter in experts(3, 5, 4).named_parameters()}
    assert names == {
        "first": (16, 3),
        "first_bias": (16,),
        "second": (16, 5),
        "second_bias": (4, 5),
        "gate.weight": (4, 5),
        "gate.bias": (4,),
    }


def test_first_weights_are_drawn_as_those_of_linear_layers_and_from_the_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    ours, same = experts(100, 300, 8), experts(100, 300, 8)
    assert torch.equal(torch.random.get_rng_state(), before)
    for parameter, other in zip(ours.parameters(), same.parameters(), strict=True):
        assert torch.equal(parameter, other)
    for parameter, fan_in in ((ours.first, 100), (ours.second, 200), (ours.gate.weight, 300)):
        assert parameter.abs().max().item() == pytest.approx(fan_in**-0.5, rel=0.01)
        assert parameter.std().item() == pytest.approx((3 * fan_in) ** -0.5, rel=0.05)


def test_the_distance() -> None:
    assert squared_distance(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]])).tolist() == [5.0]


def test_the_choice_by_hand() -> None:
    gates, noise, temperature = [0.7, 0.2, 0.1], [0.3, -0.5, 1.2], 0.5
    weights = [exp((log(a + 1e-10) + g) / temperature) for a, g in zip(gates, noise, strict=True)]
    chosen = choose(torch.tensor([gates], dtype=torch.float64), torch.tensor([noise], dtype=torch.float64), temperature)
    assert chosen[0].tolist() == pytest.approx([weight / sum(weights) for weight in weights], rel=1e-12)


def test_the_choice_is_one_expert_at_last_and_as_likely_as_its_gate() -> None:
    gates = torch.tensor([0.6, 0.3, 0.1]).expand(20_000, -1)
    chosen = choose(gates, gumbel(gates, torch.Generator().manual_seed(0)), 1e-10)
    assert torch.isfinite(chosen).all()
    assert (chosen.amax(1) > 0.999).all()
    torch.testing.assert_close(chosen.mean(0), gates[0], atol=0.015, rtol=0)


def test_a_gate_of_nothing_is_finite() -> None:
    gates = torch.tensor([[1.0, 0.0]], requires_grad=True)
    chosen = choose(gates, torch.zeros(1, 2), 1e-10)
    chosen[0, 0].backward()
    assert torch.isfinite(gates.grad).all()


def test_the_noise_is_gumbel_s() -> None:
    noise = gumbel(torch.empty(5000), torch.Generator().manual_seed(0))
    assert kstest(noise.numpy(), gumbel_r.cdf).pvalue > 1e-3


def test_annealing() -> None:
    assert annealed(0, 100, 1.0, 1e-10) == 1.0
    assert annealed(10, 100, 1.0, 1e-10) == pytest.approx(0.1)
    assert annealed(100, 100, 2.0, 1e-10) == pytest.approx(1e-10)
    assert annealed(250, 1000, 1.0, 1e-10) == pytest.approx(10**-2.5)


def test_groups_are_the_gate_s_favorites() -> None:
    ours, teacher = experts(), rows(6, 5)
    logits = teacher @ ours.gate.weight.T + ours.gate.bias
    assert ours.groups(teacher).tolist() == logits.argmax(1).tolist()


@pytest.mark.parametrize("mixture", [few(40), crowded(40)], ids=["few count", "one is crowded"])
def test_half_precision_is_summed_in_its_own(mixture: Tensor) -> None:
    ours, student = experts(dtype=torch.float32), rows(40, 3).float()
    expected = ours(student, mixture.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(ours(student, mixture.float()).float(), expected, atol=0.02, rtol=0.05)

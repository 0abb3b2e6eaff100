"""Draws have the distributions they are said to have."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from rexp.compress.distill._complement import Complement
from rexp.compress.distill._ranked import RankedLists
from rexp.compress.distill._sampling import draw_distinct, draw_positions, draw_ranks
from rexp.compress.distill.cd import better_of_two, draw_better
from rexp.compress.distill.unkd import draw_pairs

N = 40_000
LIKELY = 1e-4
"""With a fixed seed a test either always passes or never; this bound is for who changes the seed."""


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fits(drawn: Tensor, probabilities: dict[tuple[int, ...], float]) -> bool:
    """Whether the rows drawn come as often as their probabilities say."""
    known = {key: place for place, key in enumerate(probabilities)}
    counts = np.bincount([known[tuple(row)] for row in drawn.tolist()], minlength=len(known))
    expected = np.array(list(probabilities.values())) * len(drawn)
    assert expected.sum() == pytest.approx(len(drawn))
    return bool(chisquare(counts, expected).pvalue > LIKELY)


def without_replacement(weights: list[float], k: int) -> dict[tuple[int, ...], float]:
    """Of every set of k, the probability that draws one after another give it."""
    answer = dict.fromkeys(combinations(range(len(weights)), k), 0.0)
    for order in permutations(range(len(weights)), k):
        probability, left = 1.0, sum(weights)
        for place in order:
            probability *= weights[place] / left
            left -= weights[place]
        answer[tuple(sorted(order))] += probability
    return answer


def test_positions_are_drawn_by_weight_without_replacement() -> None:
    weights = [np.exp(-rank / 2) for rank in range(1, 6)]
    log_weights = torch.tensor(weights).log().float().expand(N, -1)
    assert fits(draw_positions(log_weights, 3, seeded()), without_replacement(weights, 3))


def test_positions_are_ascending_and_padded() -> None:
    log_weights = torch.tensor([[0.0, -torch.inf, 0.0, -torch.inf], [-torch.inf] * 4, [0.0] * 4])
    drawn = draw_positions(log_weights, 3, seeded())
    assert drawn[:2].tolist() == [[0, 2, -1], [-1, -1, -1]]
    assert (drawn[2].diff() > 0).all()
    assert draw_positions(log_weights, 6, seeded())[2].tolist() == [0, 1, 2, 3, -1, -1]


def test_distinct_numbers_are_uniform_sets() -> None:
    drawn = draw_distinct(torch.full((N,), 6), 3, seeded()).sort(1).values
    sets = list(combinations(range(6), 3))
    assert fits(drawn, dict.fromkeys(sets, 1 / len(sets)))


def test_fewer_numbers_than_draws_are_all_drawn() -> None:
    drawn = draw_distinct(torch.tensor([2, 0, 9]), 4, seeded())
    assert drawn[:2].sort(1).values.tolist() == [[-1, -1, 0, 1], [-1] * 4]
    assert len(set(drawn[2].tolist())) == 4


def test_ranks_decay() -> None:
    sizes = torch.full((N,), 5)
    weights = np.exp(-np.arange(5) / 2)
    drawn = draw_ranks(sizes, 1, 2.0, seeded())
    assert fits(drawn, {(rank,): weight / weights.sum() for rank, weight in enumerate(weights)})


def test_what_a_row_holds_is_never_drawn_and_all_else_uniformly() -> None:
    offsets, held = np.array([0, 2, 2, 5]), np.array([1, 4, 0, 2, 6], dtype=np.int32)
    best = torch.tensor([[3, -1], [0, 6], [-1, -1]], dtype=torch.int32)
    outside = [{0, 2, 5, 6}, {1, 2, 3, 4, 5}, {1, 3, 4, 5}]
    complement = Complement((offsets, held), best, 7)
    draws = torch.stack([complement.draw(2, generator) for generator in [seeded()] for _ in range(6000)], 1)
    for row, allowed in enumerate(outside):
        sets = list(combinations(sorted(allowed), 2))
        assert fits(draws[row].sort(1).values, dict.fromkeys(sets, 1 / len(sets)))


def test_a_row_with_too_few_others_is_padded() -> None:
    complement = Complement((np.array([0, 3]), np.array([0, 1, 2], dtype=np.int32)), None, 5)
    assert sorted(complement.draw(4, seeded())[0].tolist()) == [-1, -1, 3, 4]


@pytest.mark.parametrize("chosen", [None, [48, 3, 17, 0, 49, 20, 21, 9, 30]])
def test_large_tables_are_drawn_in_blocks(monkeypatch: pytest.MonkeyPatch, chosen: list[int] | None) -> None:
    random = np.random.default_rng(0)
    rows = [np.sort(random.choice(30, random.integers(0, 9), replace=False)) for _ in range(50)]
    held = np.concatenate([[0], np.cumsum([len(row) for row in rows])]), np.concatenate(rows).astype(np.int32)
    best = torch.stack([torch.from_numpy(random.permutation(30)[:6]) for _ in rows]).int()
    monkeypatch.setattr("rexp.compress.distill._complement.ROWS_AT_ONCE", 7)
    drawn = Complement(held, best, 30).draw(12, seeded(), None if chosen is None else torch.tensor(chosen))
    places = range(50) if chosen is None else chosen
    for place, items in zip(places, drawn.tolist(), strict=True):
        row, first = rows[place], best[place].tolist()
        assert len(set(items)) == 12
        assert not set(items) & ({*row.tolist(), *first})
        assert min(items) >= 0
        assert max(items) < 30


def lists(fixed: bool = False) -> RankedLists:
    best = torch.tensor([[5, 3, 4, 1]], dtype=torch.int32).repeat(N, 1)
    best[0, 2:] = -1
    offsets = np.arange(N + 1, dtype=np.int64)
    return RankedLists(best, (offsets, np.full(N, 2, np.int32)), 8, 2, 1, 1.5, fixed)


def test_interesting_items_keep_the_teacher_s_order() -> None:
    first, others = lists().draw(seeded())
    assert first[0].tolist() == [5, 3]
    by_rank = without_replacement([np.exp(-rank / 1.5) for rank in range(1, 5)], 2)
    ranked = [5, 3, 4, 1]
    assert fits(first[1:], {(ranked[a], ranked[b]): p for (a, b), p in by_rank.items()})
    assert fits(others[1:], {(item,): 1 / 3 for item in (0, 6, 7)})
    assert first.dtype == others.dtype == torch.int32


def test_a_fixed_list_is_the_top() -> None:
    first, _ = lists(fixed=True).draw(seeded())
    assert (first == torch.tensor([5, 3])).all()


def two_ranks(scale: float, size: int) -> np.ndarray:
    """p[a, b]: of two ranks drawn with replacement."""
    weights = np.exp(-np.arange(1, size + 1) / scale)
    return np.outer(weights, weights) / weights.sum() ** 2


def test_the_better_of_two_ranks() -> None:
    both = two_ranks(2.0, 3)
    expected = [sum(both[a, b] for a in range(3) for b in range(3) if min(a, b) == rank) for rank in range(3)]
    log = better_of_two(torch.tensor([3, 2]), 4, 2.0)
    weights = log.exp()
    torch.testing.assert_close(weights[0, :3] / weights[0].sum(), torch.tensor(expected).float())
    assert log[0, 3] == log[1, 2] == -torch.inf
    assert weights[1, 1] / weights[1].sum() == pytest.approx(two_ranks(2.0, 2)[1, 1], rel=1e-5)


def test_pairs_are_drawn_until_enough_are_distinct() -> None:
    """Against the loop it stands for."""
    random = np.random.default_rng(0)
    weights = np.exp(-np.arange(4) / 2.0)
    counts: dict[tuple[int, ...], float] = dict.fromkeys(combinations(range(4), 2), 0.0)
    for _ in range(N):
        kept: set[int] = set()
        while len(kept) < 2:
            kept.add(int(random.choice(4, 2, p=weights / weights.sum()).min()))
        counts[tuple(sorted(kept))] += 1
    best = torch.arange(4, dtype=torch.int32).expand(N, -1)
    drawn = draw_better(best, 2, 2.0, seeded())
    ours = np.bincount([list(counts).index(tuple(row)) for row in drawn.tolist()], minlength=len(counts))
    theirs = np.array(list(counts.values()))
    both = (ours + theirs) / 2
    assert chisquare(np.concatenate([ours, theirs]), np.concatenate([both, both]), ddof=len(both)).pvalue > LIKELY


def test_pairs_of_distinct_ranks() -> None:
    ranked = torch.tensor([7, 4, 9, -1], dtype=torch.int32).repeat(N, 1)
    ranked[0, 1:] = -1
    better, worse = draw_pairs(ranked, 1, 1.5, seeded())
    assert better[0].item() == worse[0].item() == -1
    both = two_ranks(1.5, 3)
    probabilities = {(a, b): both[a, b] + both[b, a] for a, b in combinations(range(3), 2)}
    total, items = sum(probabilities.values()), [7, 4, 9]
    expected = {(items[a], items[b]): p / total for (a, b), p in probabilities.items()}
    assert fits(torch.cat([better, worse], 1)[1:], expected)

"""Dot products that are trained through: with the gradient that torch composes, and with rexp's own."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import torch

from _bench.clock import now
from rexp.nn.dot import dot, dot_of_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

COLUMNS, REPEATS = 64, 20
BATCHES = [(2048, 2), (16384, 2), (2048, 5), (2048, 17), (256, 101)]
"""Users, and items of each."""
LISTS = [(32, 400, 3652), (64, 160, 3652), (64, 160, 10_000), (213, 64, 3652)]
"""Users, items of each one's list, and rows of the table that they are read from."""


def gradients(rounds: int) -> None:
    """Print milliseconds of a forward and backward pass of scores with biases; the sides take turns."""
    generator = torch.Generator().manual_seed(0)
    print(f"\nscores of {COLUMNS} columns and a bias, forward and backward, ms, median of {rounds}")
    for n_users, n_items in BATCHES:
        users = torch.randn(n_users, COLUMNS, generator=generator, requires_grad=True)
        rows = torch.randn(n_users, n_items, COLUMNS + 1, generator=generator, requires_grad=True)
        gradient = torch.randn(n_users, n_items, generator=generator)
        sides: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "composed": _composed,
            "as one": lambda users, rows: dot(users, rows, bias=True),
        }
        _turns(f"{n_users:6,} x {n_items:<4}", sides, users, rows, gradient, rounds)
    print(f"\nlists of a table of {COLUMNS} columns and a bias, the same")
    for n_users, n_items, n_rows in LISTS:
        users = torch.randn(n_users, COLUMNS, generator=generator, requires_grad=True)
        table = torch.randn(n_rows, COLUMNS + 1, generator=generator, requires_grad=True)
        items = torch.randint(n_rows, (n_users, n_items), generator=generator)
        gradient = torch.randn(n_users, n_items, generator=generator)
        sides = {
            "copied": lambda users, table, items=items: dot(users, _copied(table, items), bias=True),
            "of all": lambda users, table, items=items: dot_of_all(users, table, items, bias=True),
        }
        _turns(f"{n_users:6,} x {n_items:<4} of {n_rows:<6,}", sides, users, table, gradient, rounds)


def _turns(
    name: str,
    sides: Mapping[str, Callable[[Tensor, Tensor], Tensor]],
    users: Tensor,
    rows: Tensor,
    gradient: Tensor,
    rounds: int,
) -> None:
    """Print a line of the median milliseconds of each side."""
    took: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(-1, rounds):  # the first warms up
        for side, score in sides.items():
            started = now()
            for _ in range(REPEATS):
                torch.autograd.grad(score(users, rows), (users, rows), gradient)
            if turn >= 0:
                took[side].append(1000 * (now() - started) / REPEATS)
    cells = "".join(f"{side} {statistics.median(ms):8.2f}   " for side, ms in took.items())
    print(f"  {name} {cells}", flush=True)


def _copied(table: Tensor, items: Tensor) -> Tensor:
    return table.index_select(0, items.flatten()).view(*items.shape, -1)


def _composed(users: Tensor, rows: Tensor) -> Tensor:
    vectors, biases = torch.split(rows, [COLUMNS, 1], -1)
    return (users.unsqueeze(1) * vectors).sum(-1) + biases[..., 0]

"""A stage's knob solved from a budget: it fits, and the next larger one does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexp.compress.embed.ce import ChunkedTable
from rexp.compress.embed.dhe import DeepHashTable
from rexp.compress.embed.hash import HashedTable
from rexp.compress.embed.lowrank import LowRankTable
from rexp.compress.embed.qr import QuotientRemainderTable
from rexp.errors import ConfigError

from .helpers import BUILD, STAGES, apply, mf

TRAINED = sorted({*BUILD, "svd", "cluster"})


@pytest.mark.parametrize("name", sorted(set(STAGES) - {"half"}))
def test_a_ratio_is_kept_by_each_table(name: str) -> None:
    ratio = {"hash": 3.0, "pq": 1.4}.get(name, 2.0)
    model = apply(name, mf(factors=32), budget=ratio, **({"bits": 4} if name == "pq" else {}))
    for table, dense in ((model.users, mf(factors=32).users), (model.items, mf(factors=32).items)):
        assert ratio <= dense.nbytes() / table.nbytes() < 2.5 * ratio


@pytest.mark.parametrize("name", TRAINED)
def test_bytes_are_those_of_all_tables_together(name: str) -> None:
    model = apply(name, mf(factors=32), budget=7000, unit="bytes")
    assert 4000 < model.users.nbytes() + model.items.nbytes() <= 7000


@pytest.mark.parametrize("name", TRAINED)
def test_ppd_is_parameters_per_dimension_of_each_table(name: str) -> None:
    model = apply(name, mf(factors=32, item_bias=False), budget=38, unit="ppd")
    for table in (model.users, model.items):
        assert 0.5 * 38 * 32 < sum(parameter.numel() for parameter in table.parameters()) <= 38 * 32


def test_ppd_by_hand() -> None:
    """MovieLens 1M's users at 256 parameters for each of 32 dimensions."""
    wanted = 256 * 32
    parameters: dict[str, tuple[Any, int]] = {
        "hash": (lambda knob: HashedTable(6040, 32, knob), 256),
        "ce": (lambda knob: ChunkedTable(6040, 32, knob, 4), 256),
        "qr": (lambda knob: QuotientRemainderTable(6040, 32, knob, "product"), 229),  # 229 + 27 rows
        "lowrank": (lambda knob: LowRankTable(6040, 32, knob), 1),  # (6040 + 32) r
        "dhe": (lambda knob: DeepHashTable(6040, 32, knob, 3, "relu"), 46),  # 3 w (w + 1) + 32 (w + 1)
    }
    from rexp.compress.base.budget import TableBudget

    limit = TableBudget(wanted, "parameters", True)
    for make, expected in parameters.values():
        least = 78 if expected == 229 else 1
        assert limit.largest(make, least, 6040) == expected
        assert limit.size(make(expected)) <= wanted < limit.size(make(expected + 1))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 300), st.integers(1, 40), st.integers(1, 20000))
def test_the_largest_that_fits_is_found(n_rows: int, dim: int, most: int) -> None:
    from rexp.compress.base.budget import TableBudget

    def make(knob: int) -> LowRankTable:
        return LowRankTable(n_rows, dim, knob)

    fitting = [rank for rank in range(1, dim + 1) if 4 * rank * (n_rows + dim) <= most]
    if fitting:
        assert TableBudget(most, "bytes", True).largest(make, 1, dim) == max(fitting)
    else:
        assert TableBudget(most, "bytes", False).largest(make, 1, dim) == 1
        with pytest.raises(ConfigError, match=f"takes {4 * (n_rows + dim)} bytes at least"):
            TableBudget(most, "bytes", True).largest(make, 1, dim)


def test_without_budget_or_knob_it_is_4_times_smaller() -> None:
    model = apply("hash", mf(factors=15), targets=("*",))
    assert 4 <= mf(factors=15).users.nbytes() / model.users.nbytes() < 4.5


def test_a_budget_that_is_too_small_is_refused() -> None:
    with pytest.raises(ConfigError, match="LowRankTable of 60 rows takes 304 bytes at least, the budget leaves it 192"):
        apply("lowrank", mf(), budget=20)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hash", {"budget": 1.0}, "budget=1 \\(ratio\\) must be above 1"),
        ("hash", {"budget": 0.0, "unit": "bytes"}, "must be above 0"),
        ("hash", {"buckets": 0}, "buckets=0"),
        ("lowrank", {"rank": 4, "budget": 2.0}, "say the same thing"),
        ("rowwise", {"bits": 4, "budget": 2.0}, "say the same thing"),
        ("rowwise", {"budget": 2.0, "unit": "ppd"}, "codes are not"),
        ("pq", {"budget": 2.0, "unit": "ppd"}, "codes are not"),
        ("ce", {"chunks": 0}, "chunks=0"),
        ("dhe", {"layers": 0}, "layers=0"),
        ("mixed_dim", {"alpha": -0.1}, "alpha=-0.1"),
        ("mixed_dim", {"blocks": 0}, "blocks=0"),
    ],
)
def test_options_that_cannot_be(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        STAGES[name][0].Config(**options)

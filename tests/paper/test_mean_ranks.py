"""Mean ranks of rows over the tables of a study."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy import stats

from rexp.paper.mean_ranks import ranks
from rexp.paper.paper import Group
from rexp.paper.study import Line, Table


def table(name: str, data: str, **means: float) -> Table:
    lines = tuple(Line(row, means={"auc": mean}) for row, mean in means.items())
    return Table(Group(name), lines, None, 0, 0, data=data)


def test_mean_ranks_and_their_critical_difference() -> None:
    # Demšar (JMLR 2006), table 6: mean ranks of four classifiers on 14 data sets, 3.143, 2.000, 2.893, 1.964; CD 1.25.
    rows = {
        "C4.5": (0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957),
        "C4.5+m": (0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978),
        "C4.5+cf": (0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946),
        "C4.5+m+cf": (0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970),
    }
    tables = [
        Table(
            Group(str(place)),
            tuple(Line(row, means={"auc": values[place]}) for row, values in rows.items()),
            None,
            0,
            0,
            data=str(place),
        )
        for place in range(14)
    ]
    found = ranks(tables, "auc")
    assert found is not None
    assert found.means == pytest.approx({"C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143}, abs=6e-4)
    assert found.difference == pytest.approx(1.25, abs=5e-3)
    assert (found.tables, found.data_sets) == (14, 14)
    assert ranks(tables[:1], "auc") is None
    lines = tuple(replace(line, means=None) if line.row == "C4.5" else line for line in tables[0].lines)
    begun = replace(tables[0], lines=lines)  # three of its four rows are run
    assert ranks([*tables, begun], "auc") == found


def test_tables_of_one_data_set_are_one_block() -> None:
    small = [table("small, wide", "small", a=3, b=2, c=1), table("small, deep", "small", a=3, b=1, c=2)]
    large = [table("large, wide", "large", a=2, b=3, c=1)]
    assert ranks(small, "auc") is None  # however many tables: one data set
    found = ranks([*small, *large], "auc")
    assert found is not None
    assert (found.tables, found.data_sets) == (3, 2)
    # In small b and c have 2.5 each.
    assert found.means == {"a": 1.5, "b": 1.75, "c": 2.75}
    blocks = [(1, 2.5, 2.5), (2, 1, 3)]
    assert found.p == pytest.approx(stats.friedmanchisquare(*zip(*blocks, strict=True)).pvalue)
    assert found.difference == pytest.approx(2.343 * math.sqrt(3 * 4 / (6 * 2)), abs=1e-3)  # Demšar, table 5

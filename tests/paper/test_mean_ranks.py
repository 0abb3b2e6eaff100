"""Mean ranks of rows over the tables of a study."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rexp.paper.mean_ranks import ranks
from rexp.paper.paper import Group
from rexp.paper.study import Line, Table


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
        )
        for place in range(14)
    ]
    found = ranks(tables, "auc")
    assert found is not None
    assert found.means == pytest.approx({"C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143}, abs=6e-4)
    assert found.difference == pytest.approx(1.25, abs=5e-3)
    assert ranks(tables[:1], "auc") is None
    lines = tuple(replace(line, means=None) if line.row == "C4.5" else line for line in tables[0].lines)
    begun = replace(tables[0], lines=lines)  # three of its four rows are run
    assert ranks([*tables, begun], "auc") == found

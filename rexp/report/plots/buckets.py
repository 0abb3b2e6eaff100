"""A metric for users by their activity, and for items by their popularity: cold, cool and warm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.report.figures import drawn, legend_beside, new_figure, row_style
from rexp.report.plots.bars import draw_bars
from rexp.report.row_names import short_names
from rexp.report.rows import over_seeds

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from rexp.io.json_types import JsonView
    from rexp.report.rows import Cell
    from rexp.report.tables import Table
    from rexp.store.result import RunResult
    from rexp.store.store import Store

    Numbers = np.ndarray[Any, np.dtype[Any]]

NAMES = ("cold", "cool", "warm")
AT_ONCE = 32
"""Files of users that are held in memory together."""


@dataclass(frozen=True)
class Buckets:
    """One metric by bucket.

    Args:
        title: what was put into buckets.
        names: of the buckets, with their bounds.
        cells: by the place of a row in its table, one a bucket; rows that do not know are left out.
    """

    title: str
    names: tuple[str, ...]
    cells: Mapping[int, tuple[Cell, ...]]


def by_activity(table: Table, store: Store, metric: str) -> Buckets | None:
    """Thirds of the measured users by their training interactions; None where no run kept both.

    Args:
        table: its rows.
        store: its runs' ``per_user.parquet``.
        metric: a column with a value a user.
    """
    paths = {run: store.directory(run) / "per_user.parquet" for row in table.rows for run in row.runs}
    found = _activities(list(paths.values()), metric)
    bounds: tuple[int, int] | None = None
    cells: dict[int, tuple[Cell, ...]] = {}
    for place, row in enumerate(table.rows):
        known = [found[paths[run]] for run in row.runs if paths[run] in found]
        if known:
            bounds = bounds or known[0].bounds
            cells[place] = tuple(over_seeds(one.means[bucket] for one in known) for bucket in range(len(NAMES)))
    return None if bounds is None else Buckets("user activity", _named(bounds, "training interaction"), cells)


@dataclass(frozen=True)
class Activity:
    """The most interactions of a cold and of a cool user of one run, and the mean of each bucket."""

    bounds: tuple[int, int]
    means: list[float | None]


def _activities(paths: Sequence[Path], metric: str) -> dict[Path, Activity]:
    """Of the files that are there and have the metric, read some at a time: one by one, thousands take long."""
    import polars as pl

    alike: dict[Any, list[Path]] = {}
    for path in paths:
        if path.is_file() and {"n_train", metric} <= set(schema := pl.read_parquet_schema(path)):
            alike.setdefault(tuple(schema.items()), []).append(path)
    found: dict[Path, Activity] = {}
    for same in alike.values():
        for first in range(0, len(same), AT_ONCE):
            scan = pl.scan_parquet(same[first : first + AT_ONCE], glob=False, include_file_paths="file")
            users = scan.select("file", "n_train", pl.col(metric).cast(pl.Float64)).collect()
            for (file,), own in users.group_by("file"):
                found[Path(str(file))] = _thirds(own["n_train"].to_numpy(), own[metric].to_numpy())
    return found


def _thirds(n_train: Numbers, values: Numbers) -> Activity:
    """Users by their number of interactions; values that are not known are in no mean."""
    import numpy as np

    low, high = np.sort(n_train)[[-(-len(n_train) * third // 3) - 1 for third in (1, 2)]]
    known = np.isfinite(values)
    bucket = ((n_train > low).astype(int) + (n_train > high))[known]
    sums = np.bincount(bucket, values[known], len(NAMES)).tolist()
    counts = np.bincount(bucket, minlength=len(NAMES)).tolist()
    return Activity((int(low), int(high)), [sum_ / n if n else None for sum_, n in zip(sums, counts, strict=True)])


def by_popularity(table: Table, results: Sequence[RunResult], metric: str) -> Buckets | None:
    """Thirds of the training interactions by the popularity of their items; None where no run kept them.

    Args:
        table: its rows.
        results: among them its runs', whose facts hold the metric for the targets of each bucket.
        metric: a column with a value a user.
    """
    facts = {result.run_id: result.facts.get("by_popularity") for result in results}
    bounds: tuple[int, int] | None = None
    cells: dict[int, tuple[Cell, ...]] = {}
    for place, row in enumerate(table.rows):
        known = [fact for run in row.runs if (fact := facts.get(run))]
        own = tuple(over_seeds(_of(fact, name, metric) for fact in known) for name in NAMES)
        if any(cell.n for cell in own):
            low, high = known[0]["most_users"]
            bounds = bounds or (low, high)
            cells[place] = own
    return None if bounds is None else Buckets("item popularity", _named(bounds, "training user"), cells)


def _of(fact: JsonView, bucket: str, metric: str) -> Any:
    return fact[bucket]["metrics"].get(metric.partition("|")[0])


def _named(bounds: tuple[int, int], what: str) -> tuple[str, ...]:
    """
    >>> _named((12, 40), "training user")
    ('cold: up to 12 training users', 'cool: 13 to 40', 'warm: 41 and more')
    """
    low, high = bounds
    most = f"{low:,} {what}{'' if low == 1 else 's'}"
    return f"cold: up to {most}", f"cool: {low + 1:,} to {high:,}", f"warm: {high + 1:,} and more"


def draw_buckets(table: Table, metric: str, found: Sequence[Buckets]) -> Figure:
    """A panel for each way to make buckets."""
    figure, panels = new_figure(1, len(found))
    for axes, buckets in zip(panels[0], found, strict=True):
        names = list(map(drawn, short_names(table.rows)))
        bars = {names[place]: cells for place, cells in buckets.cells.items()}
        groups = [name.replace(": ", "\n") for name in buckets.names]
        draw_bars(axes, groups, bars, [row_style(place).color for place in buckets.cells])
        axes.set_xlabel(buckets.title)
        axes.set_ylabel(metric)
    legend_beside(panels[0][0], panels[0][-1])
    return figure

"""A metric for users by their activity, and for items by their popularity: cold, cool and warm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rexp.report.figures import drawn, legend_beside, new_figure, row_style
from rexp.report.plots.bars import draw_bars
from rexp.report.row_names import short_names
from rexp.report.rows import over_seeds

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from rexp.report.rows import Cell, Result
    from rexp.report.tables import Table
    from rexp.store.store import Store

NAMES = ("cold", "cool", "warm")


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
    bounds: tuple[int, int] | None = None
    cells: dict[int, tuple[Cell, ...]] = {}
    for place, row in enumerate(table.rows):
        found = [_activity(store.directory(run) / "per_user.parquet", metric) for run in row.runs]
        known = [one for one in found if one is not None]
        if known:
            bounds = bounds or known[0][0]
            cells[place] = tuple(over_seeds(means) for means in zip(*(means for _, means in known), strict=True))
    return None if bounds is None else Buckets("user activity", _named(bounds, "training interaction"), cells)


def _activity(path: Path, metric: str) -> tuple[tuple[int, int], list[float | None]] | None:
    """The most interactions of a cold and of a cool user, and the mean of each bucket."""
    import polars as pl

    if not path.is_file() or not {"n_train", metric} <= set(pl.read_parquet_schema(path)):
        return None
    frame = pl.read_parquet(path, columns=["n_train", metric]).with_columns(pl.col(metric).fill_nan(None))
    ascending = frame["n_train"].sort()
    low, high = (int(ascending[-(-len(ascending) * third // 3) - 1]) for third in (1, 2))
    of_bucket = (pl.col("n_train") > low).cast(pl.Int8) + (pl.col("n_train") > high).cast(pl.Int8)
    means = dict(frame.group_by(of_bucket.alias("bucket")).agg(pl.col(metric).mean()).iter_rows())
    return (low, high), [means.get(bucket) for bucket in range(len(NAMES))]


def by_popularity(table: Table, results: Sequence[Result], metric: str) -> Buckets | None:
    """Thirds of the training interactions by the popularity of their items; None where no run kept them.

    Args:
        table: its rows.
        results: among them its runs', whose facts hold the metric for the targets of each bucket.
        metric: a column with a value a user.
    """
    facts = {result["run_id"]: result.get("facts", {}).get("by_popularity") for result in results}
    bounds: tuple[int, int] | None = None
    cells: dict[int, tuple[Cell, ...]] = {}
    for place, row in enumerate(table.rows):
        known = [facts[run] for run in row.runs if facts.get(run)]
        own = tuple(over_seeds(_of(fact, name, metric) for fact in known) for name in NAMES)
        if any(cell.n for cell in own):
            low, high = known[0]["most_users"]
            bounds = bounds or (low, high)
            cells[place] = own
    return None if bounds is None else Buckets("item popularity", _named(bounds, "training user"), cells)


def _of(fact: Mapping[str, Any], bucket: str, metric: str) -> Any:
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
        draw_bars(axes, groups, bars, [row_style(place)["color"] for place in buckets.cells])
        axes.set_xlabel(buckets.title)
        axes.set_ylabel(metric)
    legend_beside(panels[0][0], panels[0][-1])
    return figure

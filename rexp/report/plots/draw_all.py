"""All pictures of a store in a folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import StoreError
from rexp.io.output import write as write_to
from rexp.report.all_columns import all_columns
from rexp.report.best_rows import first_metric
from rexp.report.figures import save
from rexp.report.frontier import draw_frontier
from rexp.report.plots.buckets import by_activity, by_popularity, draw_buckets
from rexp.report.plots.curves import draw_curves
from rexp.report.plots.gaps import draw_gaps, gaps
from rexp.report.plots.reliability import draw_reliability, reliability_curves
from rexp.report.plots.retrieval import draw_retrieval, sweeps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rexp.report.tables import Table
    from rexp.store.result import RunResult
    from rexp.store.store import Store

COSTS = ("weight_bytes", "score_100_p95_ms")
"""What a frontier is drawn against, where it is measured."""


def draw_all(
    results: Sequence[RunResult],
    tables: Sequence[Table],
    store: Store,
    folder: Path,
    forms: Sequence[str] = (".pdf", ".svg"),
) -> list[Path]:
    """Draw every picture that the runs of each table allow: ``1-ml-1m-full-curves.pdf``.

    Args:
        results: all finished runs of the store.
        tables: made from them; the first metric of each is what is drawn.
        store: where the runs lie.
        folder: made where it is absent; files of the same names are replaced.
        forms: endings of the files, see :data:`rexp.report.figures.FORMS`.

    Returns:
        the files.

    Raises:
        ConfigError: matplotlib is not installed.
        StoreError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}; give --plots another FOLDER") from error
    files = []
    for number, table in enumerate(tables, 1):
        start = "-".join([str(number), *re.findall(r"[\w.]+", " ".join(table.heading.split(" · ")[:2]))])
        for kind, write in _pictures(results, all_columns(table, results), store):
            for form in forms:
                path = folder / f"{start}-{kind}{form}"
                write_to(path, partial(write, form))
                files.append(path)
    return files


def _pictures(
    results: Sequence[RunResult], table: Table, store: Store
) -> Iterator[tuple[str, Callable[[str, Path], None]]]:
    metric = first_metric(table)
    if metric is None:
        return
    if costs := [cost for cost in COSTS if cost in table.columns]:
        yield "frontier", lambda form, path: draw_frontier([table], metric, costs, path, form)
    if (curves := draw_curves(table, store)) is not None:
        yield "curves", _to_file(curves)
    found = (by_activity(table, store, metric), by_popularity(table, results, metric))
    if buckets := [one for one in found if one is not None]:
        yield "buckets", _to_file(draw_buckets(table, metric, buckets))
    if pairs := gaps(table, results, metric):
        yield "gaps", _to_file(draw_gaps(table, metric, pairs))
    if curve := sweeps(table, results):
        yield "retrieval", _to_file(draw_retrieval(table, curve))
    if reliable := reliability_curves(table, results):
        yield "reliability", _to_file(draw_reliability(table, reliable))


def _to_file(figure: Figure) -> Callable[[str, Path], None]:
    return lambda form, path: save(figure, path, form)

"""All runs of a store as a data frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from rexp.store.result import RunResult
    from rexp.store.store import Store

Value = str | int | float | None
FIRST = ("run_id", "status")
OF_FOLDS = ("family", "fold")
LAST = ("seed", "teacher", "fingerprint", "protocol_id", "finished")


def results_frame(store: Store) -> pl.DataFrame:
    """One row a run, in the order of the run ids.

    Args:
        store: where the runs lie.

    Returns:
        ``run_id`` and ``status`` (see :meth:`rexp.store.store.Store.status`) of every run; of a finished one its labels
        (``data``, ``model``, ``compress``), ``seed``, ``teacher`` (run ids, joined by ``+``), ``fingerprint`` of its
        data, ``protocol_id`` of its evaluation and when it was ``finished``; its ``family`` and ``fold``, where some
        run is a fold; then its metrics and its costs, each under its own name. Only runs with one fingerprint and
        protocol can be compared. What a run does not have is null.
    """
    import polars as pl

    done = {result.run_id: result for result in store.summaries()}
    runs = sorted({*done, *store.ids()})
    labels, metrics, costs = (
        _names([getattr(result, part) for result in done.values()]) for part in ("labels", "metrics", "cost")
    )
    rows = [_row(done[run]) if run in done else {"run_id": run, "status": store.status(run)} for run in runs]
    of_folds = OF_FOLDS if any(result.family for result in done.values()) else ()
    columns = {name: [row.get(name) for row in rows] for name in (*FIRST, *labels, *LAST, *of_folds, *metrics, *costs)}
    kinds: dict[str, type[pl.DataType]] = dict.fromkeys(columns, pl.String) | dict.fromkeys(metrics, pl.Float64)
    kinds |= {name: pl.Int64 for name in ("seed", "fold") if name in columns}
    for name in costs:
        whole = all(isinstance(value, int) for value in columns[name] if value is not None)
        kinds[name] = pl.Int64 if whole else pl.Float64
    return pl.DataFrame([pl.Series(name, values, kinds[name], strict=False) for name, values in columns.items()])


def _row(result: RunResult) -> dict[str, Value]:
    return {
        **result.cost,
        **result.metrics,
        **result.labels,
        "run_id": result.run_id,
        "status": "done",
        "seed": result.seed,
        "teacher": "+".join(result.teacher_runs) or None,
        "fingerprint": result.fingerprint,
        "family": result.family or None,
        "fold": result.fold,
        "protocol_id": result.protocol_id,
        "finished": result.finished or None,
    }


def _names(mappings: Sequence[Mapping[str, object]]) -> list[str]:
    alike = dict.fromkeys(map(tuple, mappings))  # of thousands of runs, nearly all have the same names
    return list(dict.fromkeys(name for names in alike for name in names))

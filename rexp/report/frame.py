"""All runs of a store as a data frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from rexp.store.result import RunResult
    from rexp.store.store import Store

Value = str | int | float | None
FIRST = ("run", "status")
LAST = ("seed", "teacher", "fingerprint", "protocol_id", "finished")


def results_frame(store: Store) -> pl.DataFrame:
    """One row a run, in the order of the run ids.

    Args:
        store: where the runs lie.

    Returns:
        ``run`` and ``status`` (see :meth:`rexp.store.store.Store.status`) of every run; of a finished one its labels
        (``data``, ``model``, ``compress``), ``seed``, ``teacher`` (run ids, joined by ``+``), ``fingerprint`` of its
        data, ``protocol_id`` of its evaluation and when it was ``finished``; then its metrics and its costs, each under
        its own name. Only runs with one fingerprint and protocol can be compared. What a run does not have is null.
    """
    import polars as pl

    done = {result.run_id: result for result in store.summaries()}
    runs = sorted({*done, *store.ids()})
    labels = _names([result.labels for result in done.values()])
    numbers = _names([result.metrics for result in done.values()]), _names([result.cost for result in done.values()])
    rows = [_row(done[run]) if run in done else {"run": run, "status": store.status(run)} for run in runs]
    texts = [*FIRST, *labels, *LAST]
    columns = [_column(name, rows, pl.Int64 if name == "seed" else pl.String) for name in texts]
    columns += [_column(name, rows, pl.Float64) for name in numbers[0]]
    columns += [_column(name, rows, _number_type(name, rows)) for name in numbers[1] if name not in numbers[0]]
    return pl.DataFrame(columns)


def _row(result: RunResult) -> dict[str, Value]:
    return {
        **result.cost,
        **result.metrics,
        **result.labels,
        "run": result.run_id,
        "status": "done",
        "seed": result.seed,
        "teacher": "+".join(result.teacher_runs) or None,
        "fingerprint": result.fingerprint,
        "protocol_id": result.protocol_id,
        "finished": result.finished or None,
    }


def _names(mappings: Sequence[Mapping[str, object]]) -> list[str]:
    alike = dict.fromkeys(map(tuple, mappings))  # of thousands of runs, nearly all have the same names
    return list(dict.fromkeys(name for names in alike for name in names))


def _column(name: str, rows: Sequence[Mapping[str, Value]], kind: type[pl.DataType]) -> pl.Series:
    import polars as pl

    return pl.Series(name, list(_values(name, rows)), kind, strict=False)


def _number_type(name: str, rows: Sequence[Mapping[str, Value]]) -> type[pl.DataType]:
    import polars as pl

    known = [value for value in _values(name, rows) if value is not None]
    return pl.Int64 if all(isinstance(value, int) for value in known) else pl.Float64


def _values(name: str, rows: Sequence[Mapping[str, Value]]) -> Iterator[Value]:
    return (row.get(name) for row in rows)

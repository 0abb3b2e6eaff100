"""Per-user values of a study's rows: the first metric, averaged over seeds, one file a data set.

``results/papers/NAME/DATA.parquet`` has a column of 16-bit floats for each row. Users stand in the order of their ids,
which are left out: tests pair the rows' values and need nothing else of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexp.errors import ConfigError
from rexp.io.atomic import replace_atomically

if TYPE_CHECKING:
    from rexp.experiment.outcome import Outcome
    from rexp.paper.paper import Paper, PaperRow
    from rexp.report.statistics import Array

PRECISION = 2.0**-10
"""Of a mean over users, by the mean: a 16-bit float is right to 2^-11."""


def keep_users(file: Path, paper: Paper, row: PaperRow, made: Mapping[int, Outcome]) -> None:
    """Keep a row's values, once all its seeds are run.

    Args:
        file: of the paper's records.
        paper, row: whose values they are.
        made: the row's runs by seed.
    """
    import polars as pl

    if set(made) != set(paper.seeds_of(paper.row(row.name))):  # the row given may have some of its seeds alone
        return
    metric = paper.metrics[0]
    frames = []
    for outcome in made.values():
        frame = pl.read_parquet(outcome.store.directory(outcome.result.run_id) / "per_user.parquet")
        if metric not in frame.columns:
            return
        frames.append(frame.select(pl.col("user").cast(pl.String), pl.col(metric).cast(pl.Float64).fill_nan(None)))
    values = pl.concat(frames).group_by("user").agg(pl.col(metric).mean()).sort("user")[metric]
    place = users_file(file, next(iter(made.values())).result.data["name"])
    place.parent.mkdir(parents=True, exist_ok=True)
    known = pl.read_parquet(place) if place.exists() else pl.DataFrame()
    if known.height not in (0, len(values)):
        known = pl.DataFrame()  # of other users: the data was another
    columns = {name: known[name] for name in known.columns} | {row.name: values.cast(pl.Float16)}
    kept = pl.DataFrame({other.name: columns[other.name] for other in paper.rows if other.name in columns})
    replace_atomically(place, lambda temporary: kept.write_parquet(temporary, compression="zstd"))


def users_file(file: Path, data: str) -> Path:
    """Path of the per-user values of a data set.

    >>> users_file(Path("results/papers/small.jsonl"), "ml-100k").as_posix()
    'results/papers/small/ml-100k.parquet'
    """
    return file.with_suffix("") / f"{data}.parquet"


class Users:
    """The kept values of a study.

    Args:
        file: of the paper's records.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.values = cache(self._values)

    def _values(self, data: str, row: str) -> Array | None:
        """(n_users,) float64 of a row; None where none are kept."""
        import polars as pl

        place = users_file(self._file, data)
        if not place.exists():
            return None
        try:
            if row not in pl.read_parquet_schema(place):
                return None
            values: Array = pl.read_parquet(place, columns=[row])[row].cast(pl.Float64).to_numpy()
        except pl.exceptions.PolarsError as error:
            raise ConfigError(f"{place} cannot be read ({error}); take the file back from where it came") from error
        return np.nan_to_num(values)

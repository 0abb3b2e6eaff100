"""The table of finished runs from Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import StoreError
from rexp.io.messages import messages_shown_by_default
from rexp.io.paths import at_home
from rexp.report.frame import results_frame
from rexp.store.store import Store

if TYPE_CHECKING:
    import polars as pl

Place = str | Path
DEFAULT_STORE = "runs"


@messages_shown_by_default()
def results(store: Place = DEFAULT_STORE) -> pl.DataFrame:
    """The finished runs of a store, one row a run; ``results().to_pandas()`` where pandas is wanted.

    Args:
        store: the folder of runs.

    Raises:
        StoreError: there is no such folder.
    """
    folder = at_home(store)
    if not folder.is_dir():
        raise StoreError(f"{folder} is no folder of runs; name the one of rexp.run as store")
    return results_frame(Store(folder))

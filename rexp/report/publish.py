"""Tables and pictures to Weights & Biases, as one run of the kind ``report``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.report.cells import cell_with_mark
from rexp.report.row_names import row_name
from rexp.track.wandb import WandbConfig, offline_place, open_run

if TYPE_CHECKING:
    from rexp.report.tables import Table


def publish(tables: Sequence[Table], pictures: Sequence[Path], config: WandbConfig, directory: Path) -> str:
    """Log every table and picture; offline where W&B has no key here, for ``wandb sync`` to send later.

    Args:
        tables: as they are shown.
        pictures: PNG files.
        config: project, entity, mode.
        directory: where W&B writes its files, such as the store.

    Returns:
        where the run is: its address, or the folder of an offline run and how it is sent.
    """
    import wandb

    directory.mkdir(parents=True, exist_ok=True)
    run = open_run(config, directory, name="report", job_type="report", tags=["report", *config.tags])
    run.log({table.heading: wandb.Table(columns=titles(table), data=lines(table)) for table in tables})
    run.log({picture.stem: wandb.Image(str(picture)) for picture in pictures})
    place = offline_place(run) or f"sent to W&B: {run.url or run.dir}"
    run.finish()
    return place


def titles(table: Table) -> list[str | int]:
    """Column titles; a column of numbers is followed by one with its text."""
    return [
        *table.keys,
        *table.counts,
        *(name for column in table.columns for name in (column, f"{column} ± sd")),
        "runs",
    ]


def lines(table: Table) -> list[list[Any]]:
    """One line a row: numbers to sort and plot by, texts with spread and daggers to read."""
    return [
        [
            *row_name(row),
            *table.counts_of(row),
            *(part for column in table.columns for part in (row.cells[column].mean, cell_with_mark(row, column))),
            " ".join(row.runs),
        ]
        for row in table.rows
    ]

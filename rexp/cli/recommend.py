"""``rexp recommend``: what a stored run recommends to whom."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from rexp.cli.verbs import Arguments, add_store
from rexp.data.types import CATALOGUES, PARTS
from rexp.errors import ConfigError
from rexp.io.atomic import write_parquet
from rexp.io.output import write
from rexp.io.terminal import Screen, styled
from rexp.io.text import say
from rexp.plugins.options import from_options
from rexp.train.config import DeviceConfig

if TYPE_CHECKING:
    import polars as pl

    from rexp.data.types import Part

SHOWN = 200
"""Rows that go to the screen; a file gets all of them."""


def main(argv: list[str]) -> int:
    """Print recommendations, or write them to a Parquet or CSV file."""
    options = arguments().parse_args(argv)
    if options.k < 1:
        raise ConfigError(f"--k {options.k}: a list has at least one item")
    if options.out is not None and options.out.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"--out {options.out}: its ending says the format; take .parquet or .csv")
    if options.explain and options.out is None and not options.users:
        raise ConfigError("--explain says why of every list: name some users with --users, or a file with --out")
    frame = _recommend(options)
    if options.out is not None:
        parquet = options.out.suffix == ".parquet"
        write(options.out, (lambda path: write_parquet(frame, path)) if parquet else frame.write_csv)
        say(f"{len(frame)} recommendations written to {options.out}")
        return 0
    _show(frame)
    return 0


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp recommend",
        description="Recommend items from a finished run: the best of the whole catalogue that the user does not have. "
        "A model that reads contexts recommends in that of each user's last training row.",
        epilog="examples: rexp recommend 3f2a --users 12347,12352 --k 5    "
        "rexp recommend 3f2a --k 10 --out lists.parquet    "
        "rexp recommend 3f2a --users 12347 --explain",
    )
    parser.add_argument("run", help="the run's id, or the beginning of it (rexp report --rows run lists them)")
    parser.add_argument("--users", default="", help="their own ids, separated by commas (default: all)")
    parser.add_argument("--k", type=int, default=10, help="items of a list (default: 10)")
    parser.add_argument("--out", type=Path, help="write to this .parquet or .csv file instead of the screen")
    parser.add_argument(
        "--mask",
        default="train,valid",
        help="parts whose items are not recommended again, and which a model of sequences reads; as in the evaluation "
        "by default; 'train,valid,test' for what comes after all that is known, 'none' for everything",
    )
    parser.add_argument(
        "--catalogue",
        choices=CATALOGUES,
        default="train",
        help="what can be recommended: items with a training interaction (default), all of them, or cold ones alone",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say why: items of the history or fields, and what each adds to the score; by the installed plugin that "
        "explains (pip install rexp-explain)",
    )
    add_store(parser)
    parser.add_argument("--data", type=Path, help="folder of data sets (default: $REXP_DATA)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    return parser


def _recommend(options: argparse.Namespace) -> pl.DataFrame:
    import torch

    from rexp.python.stored import recommend

    users = [name.strip() for name in options.users.split(",") if name.strip()]
    torch.set_num_threads(from_options(DeviceConfig, {"threads": options.threads}, "--threads").threads)
    return recommend(
        options.run,
        users,
        options.k,
        mask=_parts(options.mask),
        catalogue=options.catalogue,
        explain=options.explain,
        store=options.store,
        data=options.data,
    )


def _parts(text: str) -> list[Part]:
    """The parts of ``--mask``, in time's order."""
    named = [] if text == "none" else [name.strip() for name in text.split(",")]
    for name in named:
        if name not in PARTS:
            raise ConfigError(f"--mask {text}: '{name}' is no part; take train, valid, test, or none")
    return [part for part in PARTS if part in named]


def _cell(column: str, value: Any) -> str | Text:
    if column == "why":  # a line for each reason
        return Text("\n").join(map(styled, value.split("; ")))
    return f"{value:.4f}" if column == "score" else str(value)


def _show(frame: pl.DataFrame) -> None:
    console = Screen()
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in frame.columns:
        grid.add_column(column, justify="right" if column in ("rank", "score") else "left", overflow="fold")
    before = None
    for row in frame.head(SHOWN).iter_rows(named=True):
        cells = [_cell(column, value) for column, value in row.items()]
        # A user's id stands once, beside the first of the list.
        cells[0] = "" if row["user"] == before else cells[0]
        before = row["user"]
        grid.add_row(*cells)
    console.print(grid)
    if len(frame) > SHOWN:
        console.print(f"{len(frame) - SHOWN} more rows; --users chooses, --out FILE writes all", style="dim")

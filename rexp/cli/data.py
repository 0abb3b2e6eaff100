"""``rexp data list`` and ``rexp data info NAME``: what data sets there are and whether their files are here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from rexp.cli.verbs import Arguments
from rexp.io.paths import at_home
from rexp.io.terminal import Screen, styled
from rexp.plugins import registry

if TYPE_CHECKING:
    from rexp.prepare.describe import Overview
    from rexp.prepare.features.tables import ColumnReport

STYLES = {"ok": "green", "differs": "red", "missing": "yellow", "broken": "red"}


def main(argv: list[str]) -> int:
    """Run ``rexp data ...``; returns the exit code."""
    options = arguments().parse_args(argv)
    root = at_home(options.data) if options.data else None
    from rexp.prepare.describe import look_at  # reads data; help needs none of it

    if options.verb == "list":
        return _list([look_at(name, root) for name in registry.names("data")], root, as_json=options.json)
    return _info(look_at(options.name, root, columns=True), as_json=options.json)


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp data",
        description="Show the installed data sets: users, items, interactions, density, licence, state of the files.",
        epilog="State: ok (content as published), differs, unpinned (no checksum is known), missing (a file is not "
        "there), yours (to be named with data.path). Counts are of the data as published, before any filter.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{list,info}")
    listing = verbs.add_parser("list", help="a table of all data sets", description="A table of all data sets.")
    info = verbs.add_parser("info", help="all about one data set", description="All about one data set.")
    info.add_argument("name", metavar="NAME", help="short name, as in data=NAME (see 'rexp data list')")
    for verb in (listing, info):
        verb.add_argument(
            "--data",
            metavar="FOLDER",
            default=os.environ.get("REXP_DATA"),
            help="the data folder; by default that of the environment variable REXP_DATA",
        )
        verb.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _list(overviews: list[Overview], root: Path | None, *, as_json: bool) -> int:
    if as_json:
        json.dump([overview.as_dict() for overview in overviews], sys.stdout, indent=2)
        print()
        return 0

    console = Screen(width=None)  # the terminal's, or COLUMNS: what says least gives way
    console.print(_table(overviews))
    missing = [overview.name for overview in overviews if overview.state == "missing"]
    if missing:
        where = f" under {root}" if root else ": no data folder is set (--data FOLDER, or REXP_DATA)"
        text = f"missing{where}; 'rexp data info {missing[0]}' says what belongs where"
        console.print(styled(text, "yellow"))
    return 0


def _table(overviews: list[Overview]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("data", no_wrap=True)
    for column in ("users", "items", "interactions", "density"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("files", no_wrap=True)
    # Only what says least in a narrow terminal gives way.
    table.add_column("licence", overflow="ellipsis", no_wrap=True, ratio=1)
    for overview in overviews:
        licence = overview.card.licence if overview.card else overview.problem
        state = styled(overview.state, STYLES.get(overview.state, ""))
        table.add_row(overview.name, *_numbers(overview), state, styled(licence))
    return table


def _numbers(overview: Overview) -> list[str]:
    counts = overview.counts
    if counts is None:
        return ["-"] * 4
    return [f"{counts.users:,}", f"{counts.items:,}", f"{counts.interactions:,}", f"{counts.density:.4%}"]


def _info(overview: Overview, *, as_json: bool) -> int:
    if as_json:
        json.dump(overview.as_dict(), sys.stdout, indent=2)
        print()
    else:
        _print_info(overview)
    return 1 if overview.state in ("missing", "broken") else 0


def _print_info(overview: Overview) -> None:
    users, items, interactions, density = _numbers(overview)
    rows = {"users": users, "items": items, "interactions": interactions, "density": density}
    rows |= {f"given {part}": f"{rows_:,}" for part, rows_ in overview.parts.items()}
    if overview.card is not None:
        card = overview.card
        rows |= {"licence": card.licence, "published at": card.homepage, "cite": card.citation, "notes": card.notes}
    rows |= {"files": overview.state} | {
        f"  {Path(path).name}": f"{state}  {path}" for path, state in overview.files.items()
    }
    rows["problem"] = overview.problem
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in rows.items():
        if value:
            table.add_row(key, styled(value))
    console = Screen(width=None)  # the terminal's, or COLUMNS: what says least gives way
    console.print(styled(f"{overview.name}: {overview.card.title if overview.card else 'broken'}", "bold"))
    console.print(table)
    if overview.columns:
        console.print(_columns(overview.columns))


def _columns(columns: Sequence[ColumnReport]) -> Table:
    """A row a column: what it is, how large, how much is missing, and why."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("column", no_wrap=True)
    table.add_column("becomes", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("filled with", overflow="fold")
    table.add_column("why", overflow="fold", ratio=1)
    for column in columns:
        size = f"{column.size:,}" if column.size else "-"
        kind = "left out" if column.kind == "drop" else column.kind
        cells = (column.name, kind, size, f"{column.missing:.1%}", column.fill, column.reason)
        table.add_row(*(styled(cell) for cell in cells))
    return table

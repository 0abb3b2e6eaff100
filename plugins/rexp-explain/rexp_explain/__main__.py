"""``python -m rexp_explain RUN --user U``: why a run recommends an item, as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rexp.api import RexpError
from rexp_explain.explain import By, explain

if TYPE_CHECKING:
    from rexp.api import Explanation


BAR, WIDTH = "█", 20
"""A bar and its letters for the strongest reason."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print an explanation.

    Args:
        argv: arguments, by default the command line's.

    Returns:
        The exit code: that of the error where there is one.
    """
    options = arguments().parse_args(argv)
    try:
        found = explain(options.run, options.user, options.item, by=options.by, store=options.store, data=options.data)
    except RexpError as error:
        print(f"rexp_explain: {error}", file=sys.stderr)
        return error.exit_code
    show(found, options.k, Console(highlight=False, width=None if sys.stdout.isatty() else 10_000))
    return 0


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        prog="python -m rexp_explain", description="Why a finished run recommends an item."
    )
    parser.add_argument("run", help="the run's id, or the beginning of it")
    parser.add_argument("--user", required=True, help="the user's own id")
    parser.add_argument("--item", help="the item's own id (default: the best one that the user does not have)")
    parser.add_argument("-k", type=_count, default=5, help="reasons that are shown (default: 5)")
    parser.add_argument("--by", choices=get_args(By), default="auto", help="what to explain by (default: auto)")
    parser.add_argument("--store", type=Path, default=Path("runs"), metavar="FOLDER", help="of runs (default: ./runs)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="of data sets (default: $REXP_DATA)")
    return parser


def show(found: Explanation, k: int, console: Console) -> None:
    """The explanation as a table; what the data says is text, never markup.

    Args:
        found: the explanation.
        k: reasons that are shown.
        console: where to.
    """
    named = f"{found.item} ({found.title})" if found.title else found.item
    console.print(plain(f"user {found.user}, item {named}: score {found.score:.4f}, {found.method}"))
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("" if found.by == "fields" else "item")
    grid.add_column("value" if found.by == "fields" else "title", overflow="fold")
    grid.add_column("adds", justify="right")
    grid.add_column("")
    most = max(abs(reason.value) for reason in found.reasons[:k]) or 1.0
    for reason in found.reasons[:k]:
        bar = BAR * round(WIDTH * abs(reason.value) / most)
        grid.add_row(plain(reason.name), plain(reason.text), f"{reason.value:+.4f}", bar)
    rest = found.reasons[k:]
    if rest:
        grid.add_row(f"{len(rest)} more", "", f"{sum(reason.value for reason in rest):+.4f}", style="dim")
    if found.base is not None and found.by == "fields":
        grid.add_row("without them", "", f"{found.base:+.4f}", style="dim")
    console.print(grid)


def plain(text: str) -> Text:
    """Text of others: no markup, and what a terminal would obey is shown."""
    return Text("".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

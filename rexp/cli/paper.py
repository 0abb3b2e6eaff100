"""``rexp paper``: published tables as commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.table import Table

from rexp.cli.verbs import Arguments, add_store
from rexp.errors import ConfigError
from rexp.io.output import print_or_write
from rexp.io.terminal import Screen
from rexp.io.text import fail, say
from rexp.paper.formats import html, latex, markdown, show
from rexp.paper.paper import load, paper_files
from rexp.paper.record import read_records
from rexp.paper.results import shown, tuned_file, write_page, write_picture
from rexp.paper.tuning import Tunings
from rexp.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexp.paper.paper import Paper, PaperRow

RESULTS = Path("results/papers")


def main(argv: list[str]) -> int:
    """List, run, record or check papers; exit code 1 where a run failed, or where ``check --strict`` found a miss."""
    parser = arguments()
    # What more there is on the line may stand anywhere on it.
    options, rest = parser.parse_known_args(argv)
    if rest and (options.action != "run" or any("=" not in text or text.startswith("--") for text in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.overrides = rest
    return {"list": _list, "run": _run, "record": _record, "check": _check}[options.action](options)


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp paper",
        description="Published tables as files that run: what a paper printed, beside what its runs give here.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the papers that are installed, and how far they were run").add_argument(
        "--results", type=Path, default=RESULTS, help=f"folder of records (default: {RESULTS})"
    )
    run = actions.add_parser(
        "run",
        help="make a paper's runs, those that are not done yet, and show the table",
        epilog="KEY=VALUE on the line goes to every run, such as track=none; with --quick alone it may change what is "
        "computed",
    )
    record = actions.add_parser("record", help="record runs that were made earlier, found by their configuration")
    check = actions.add_parser("check", help="published, ours, difference and verdict, from the recorded runs")
    for action in (run, record, check):
        action.add_argument("paper", metavar="PAPER", help="its name (rexp paper list), or a YAML file")
        action.add_argument("--results", type=Path, default=RESULTS, help=f"folder of records (default: {RESULTS})")
    for action in (run, record):
        action.add_argument("--rows", type=_names, metavar="NAMES", help="rows alone, such as 'htd*,teacher'")
        action.add_argument(
            "--seeds", type=_seeds, metavar="SEEDS", help="of the paper's seeds these alone, such as 0,1"
        )
    run.add_argument("--quick", action="store_true", help="a short run of some rows, whose numbers mean nothing")
    add_store(run)
    record.add_argument("stores", nargs="+", type=Path, metavar="STORE", help="stores that may hold them")
    check.add_argument(
        "--strict", action="store_true", help="exit with 1 where a verified value is missed, or a default has changed"
    )
    form = check.add_mutually_exclusive_group()
    form.add_argument("--markdown", type=Path, metavar="FILE", help="write Markdown (- for the screen)")
    form.add_argument("--latex", type=Path, metavar="FILE", help="write LaTeX with booktabs (- for the screen)")
    form.add_argument("--html", type=Path, metavar="FILE", help="write one HTML page (- for the screen)")
    return parser


def _list(options: argparse.Namespace) -> int:
    grid = Table("paper", "cells", "title", box=None, pad_edge=False)
    for name in paper_files():
        paper = load(name)
        grid.add_row(name, shown(paper, _file(options, paper)).summary, paper.title)
    Screen().print(grid)
    return 0


def _run(options: argparse.Namespace) -> int:
    from rexp.paper.reproduce import check_overrides, run_rows

    paper, more = load(options.paper), [f"paths.store={options.store}", *options.overrides]
    file = _file(options, paper)
    if options.quick:
        with TemporaryDirectory() as folder:
            file = Path(folder) / file.name
            rows, more = _rows(options, paper, paper.quick.rows), [*more, *paper.quick.overrides]
            _, failed = run_rows(paper, rows, more, file, Tunings(paper, tuned_file(file), paper.quick.trials))
            say(f"{paper.name}: a quick run, whose numbers mean nothing")
            show(shown(paper, file, paper.quick.trials).page)
    else:
        check_overrides(options.overrides)
        _, failed = run_rows(paper, _rows(options, paper), more, file, Tunings(paper, tuned_file(file)))
        found = write_page(paper, file)
        show(found.page)
    if failed:
        fail(f"{failed} runs failed; the same command tries them again")
    return int(bool(failed))


def _record(options: argparse.Namespace) -> int:
    from rexp.paper.reproduce import collect_rows

    paper = load(options.paper)
    file, stores = _file(options, paper), [Store(store) for store in options.stores]
    records = collect_rows(paper, _rows(options, paper), stores, file, Tunings(paper, tuned_file(file)))
    show(write_page(paper, file).page)
    say(f"{len(records)} runs recorded in {file}")
    return 0


def _check(options: argparse.Namespace) -> int:
    paper = load(options.paper)
    file = _file(options, paper)
    found = shown(paper, file)
    for path, form in ((options.markdown, markdown), (options.latex, latex), (options.html, html)):
        if path:
            print_or_write(path, form(found.page))
            if form is markdown and str(path) != "-":
                write_picture(paper, found, path.parent)
            break
    else:
        show(found.page)
    page = file.with_suffix(".md")
    changed = page.exists() and page.read_text(encoding="utf-8") != markdown(found.page)
    if changed:
        fail(f"{page} is not what its records give")
    return int(options.strict and (_stale(paper, file) or found.missed or changed))


def _stale(paper: Paper, file: Path) -> bool:
    """Whether a row would be another one today; tells them. Loads the plugins that rows name, and so torch."""
    from rexp.paper.defaults import changed_defaults

    stale = list(changed_defaults(paper, read_records(file), Tunings(paper, tuned_file(file))))
    for line in stale:
        fail(f"a default has changed, run the row anew: {line}")
    return bool(stale)


def _file(options: argparse.Namespace, paper: Paper) -> Path:
    return Path(options.results) / f"{paper.name}.jsonl"


def _rows(options: argparse.Namespace, paper: Paper, otherwise: Sequence[str] | None = None) -> list[PaperRow]:
    """The rows and seeds that are asked for."""
    from rexp.paper.reproduce import select_rows, select_seeds

    return select_seeds(paper, select_rows(paper, options.rows or otherwise), options.seeds)


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds {text!r} must be whole numbers with commas between them, such as 0,1") from None


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ConfigError(f"--rows {text!r} names no row")
    return names

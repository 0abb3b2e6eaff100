"""``rexp report``: the table of stored runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, StoreError
from rexp.report.tables import make_tables
from rexp.report.teaching import untuned
from rexp.report.write import comma_separated, markdown
from rexp.store.files import replace_atomically, write_text
from rexp.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexp.report.rows import Result
    from rexp.report.tables import Table

PICTURES = (".png", ".svg", ".pdf")
COSTS = ("weight_bytes", "score_100_p95_ms")
"""What a frontier is drawn against, where it is measured."""


def main(argv: list[str]) -> int:
    """Print or write the table; exit code 1 where the store has no finished run."""
    parser = argparse.ArgumentParser(
        prog="rexp report",
        description="The table of stored runs: mean and spread over seeds, one table for each data set and protocol.",
    )
    parser.add_argument(
        "store", nargs="?", type=Path, default=Path("runs"), help="the store's folder (default: ./runs)"
    )
    parser.add_argument("--rows", type=_names, help="what names a row: labels or keys, such as model,model.factors")
    parser.add_argument("--cols", type=_names, help="metrics and costs, such as ndcg@10,parameters")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", type=Path, metavar="FILE", help="write CSV, with every row's run ids (- for the screen)")
    form.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--frontier",
        type=Path,
        metavar="FILE",
        help="draw accuracy against cost to a .png, .svg or .pdf file: the first metric of --cols against each of its "
        "costs (by default the bytes of the weights)",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write one page that needs no network: tables to sort"
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw every picture the runs allow: PDF and SVG")
    options = parser.parse_args(argv)
    if options.frontier and options.frontier.suffix not in PICTURES:
        raise ConfigError(f"--frontier {options.frontier}: its ending says the format; take {', '.join(PICTURES)}")
    results = sorted(Store(options.store).runs(), key=lambda run: (sorted(run.get("labels", {}).items()), run["seed"]))
    if not results:
        print(f"rexp: no finished run in {options.store}; start one with: python -m rexp", file=sys.stderr)
        return 1
    if options.frontier:
        _draw(options.frontier, results, options.rows, options.cols)
    if options.html:
        _write_page(options.html, results, make_tables(results, options.rows, options.cols), Store(options.store))
    if options.plots:
        _draw_all(options.plots, results, make_tables(results, options.rows, options.cols), Store(options.store))
    if options.markdown:
        print(markdown(make_tables(results, options.rows, options.cols)), end="")
    elif options.csv:
        _write_csv(options.csv, comma_separated(make_tables(results, options.rows, options.cols)))
    else:
        from rexp.report.table import render_table

        render_table(results, keys=options.rows, columns=options.cols)
    for line in untuned(results, results):
        print(f"note: {line}", file=sys.stderr)
    return 0


def _draw(path: Path, results: Sequence[Result], rows: Sequence[str] | None, cols: Sequence[str] | None) -> None:
    from rexp.report.frontier import draw_frontier

    known = {name for result in results for name in result["cost"]}
    costs = [name for name in cols or COSTS if name in known]
    metrics = [name for name in cols or results[0]["metrics"] if name not in known]
    if not metrics:
        raise ConfigError("--frontier draws a metric against costs; --cols names no metric")
    tables = make_tables(results, rows, [metrics[0], *costs])
    replace_atomically(path, lambda temporary: draw_frontier(tables, metrics[0], costs, temporary, path.suffix))
    print(f"{metrics[0]} against {', '.join(costs)} drawn to {path}", file=sys.stderr)


def _write_page(path: Path, results: Sequence[Result], tables: Sequence[Table], store: Store) -> None:
    from rexp.report.html import page

    if not path.parent.is_dir():
        raise StoreError(f"{path} cannot be written: there is no folder {path.parent}; give --html another FILE")
    write_text(path, page(results, tables, store))
    print(f"the page is {path}", file=sys.stderr)


def _draw_all(folder: Path, results: Sequence[Result], tables: Sequence[Table], store: Store) -> None:
    from rexp.report.plots.every import draw_all

    print(f"{len(draw_all(results, tables, store, folder))} pictures drawn to {folder}", file=sys.stderr)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _write_csv(path: Path, text: str) -> None:
    if str(path) == "-":
        print(text, end="")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}; give --csv another FILE") from error

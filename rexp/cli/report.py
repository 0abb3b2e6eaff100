"""``rexp report``: the table of stored runs."""

from __future__ import annotations

import argparse
import gc
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rexp.cli.verbs import Arguments, add_store
from rexp.errors import ConfigError
from rexp.io.output import print_or_write, write
from rexp.io.text import fail, say, warn
from rexp.report.baseline import parse, with_baseline
from rexp.report.best_rows import best_rows, with_whole_runs
from rexp.report.cells import markdown, rows_shown
from rexp.report.console import print_tables
from rexp.report.csv_parquet import comma_separated, write_parquet
from rexp.report.frontier import draw_frontier
from rexp.report.html import page
from rexp.report.latex import latex
from rexp.report.plots.draw_all import draw_all
from rexp.report.publish import publish
from rexp.report.summary_console import show
from rexp.report.tables import SHORT, make_tables
from rexp.report.teachers import teacher_warnings
from rexp.store.store import Store
from rexp.track.wandb import WandbConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rexp.api import Explanation
    from rexp.report.tables import Table
    from rexp.store.result import RunResult

PICTURES = (".png", ".svg", ".pdf")
MOST = 500
"""Rows of a table that a browser shows without a pause, and that a reader may look at."""
COSTS = ("weight_bytes", "score_100_p95_ms")
"""What a frontier is drawn against, where it is measured."""


def main(argv: list[str]) -> int:
    """Print or write the table; exit code 1 where the store has no finished run, or a damaged one."""
    options = arguments().parse_args(argv)
    if options.frontier and options.frontier.suffix not in PICTURES:
        raise ConfigError(f"--frontier {options.frontier}: its ending says the format; take {', '.join(PICTURES)}")
    if options.explain and not options.html:
        raise ConfigError("--explain is a part of the page: name its file with --html FILE")
    store = Store(options.store)
    with _uncollected():
        results = sorted(store.summaries(), key=lambda run: (sorted(run.labels.items()), run.seed))
    if not results:
        fail(f"no finished run in {options.store}; start one with: python -m rexp")
        return 1
    if options.frontier:
        _draw(options.frontier, results, options.rows, options.cols)
    wanted = parse(options.baseline) if options.baseline else {}
    tables = make_tables(results, options.rows, options.cols, named=wanted)
    if wanted:
        tables = with_baseline(tables, wanted, options.store, options.test)
    if options.html or options.plots or options.wandb:
        _show(options, results, tables, store)
    if options.summary:
        show(results, options.store, options.cols[0] if options.cols else None)
    elif options.markdown:
        print(markdown(tables), end="")
    elif options.csv:
        print_or_write(options.csv, comma_separated(tables))
    elif options.latex:
        print_or_write(options.latex, latex(tables))
    elif options.parquet:
        write(options.parquet, lambda temporary: write_parquet(tables, temporary))
    else:
        print_tables(tables)
    for line in teacher_warnings(results, results):
        warn(line)
    return int(bool(store.damaged))


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp report",
        description="The table of stored runs: mean and spread over seeds, one table for each data set and protocol.",
    )
    add_store(parser, bare=True)
    parser.add_argument("--rows", type=_names, help="what names a row: labels or keys, such as model,model.factors")
    parser.add_argument("--cols", type=_names, help="metrics and costs, such as ndcg@10,parameters")
    parser.add_argument(
        "--baseline",
        metavar="KEY=VALUE",
        help="compare every row with the one that is named so, paired over users, such as compress=none",
    )
    parser.add_argument(
        "--test", choices=("wilcoxon", "t"), default="wilcoxon", help="of the comparison (default: wilcoxon)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", type=Path, metavar="FILE", help="write CSV, with every row's run ids (- for the screen)")
    form.add_argument("--parquet", type=Path, metavar="FILE", help="write the same as Parquet")
    form.add_argument("--latex", type=Path, metavar="FILE", help="write LaTeX with booktabs (- for the screen)")
    form.add_argument(
        "--summary",
        action="store_true",
        help="print what distillation and compression kept by the first metric of --cols: shares, sizes, tests",
    )
    form.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--frontier",
        type=Path,
        metavar="FILE",
        help="draw accuracy against cost to a .png, .svg or .pdf file: the first metric of --cols against each of its "
        "costs (by default the bytes of the weights)",
    )
    parser.add_argument(
        "--wandb",
        metavar="PROJECT",
        help="send tables and pictures to W&B as a run of their own; offline where it has no key here",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write one page that needs no network: tables to sort"
    )
    parser.add_argument(
        "--explain",
        type=_names,
        default=(),
        metavar="RUNS",
        help="with --html: what these runs recommend to a few users, and why; by the installed plugin that explains "
        "(pip install rexp-explain), on the data of $REXP_DATA",
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw every picture the runs allow: PDF and SVG")
    parser.add_argument(
        "--most",
        type=_rows,
        default=MOST,
        metavar="ROWS",
        help="of each table in pages and pictures, the best by the first metric (default: %(default)s)",
    )
    return parser


@contextmanager
def _uncollected() -> Iterator[None]:
    """Thousands of results, none of which is garbage: looking for it again and again takes as long as reading them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is it looked for among them afterwards
        if was:
            gc.enable()


def _draw(path: Path, results: Sequence[RunResult], rows: Sequence[str] | None, cols: Sequence[str] | None) -> None:
    known = {name for result in results for name in result.cost}
    cols = [SHORT.get(name, name) for name in cols or ()]
    costs = [name for name in cols or COSTS if name in known]
    metrics = [name for name in cols or results[0].metrics if name not in known]
    if not metrics:
        raise ConfigError("--frontier draws a metric against costs; --cols names no metric")
    tables = make_tables(results, rows, [metrics[0], *costs])
    write(path, lambda temporary: draw_frontier(tables, metrics[0], costs, temporary, path.suffix))
    say(f"{metrics[0]} against {', '.join(costs)} drawn to {path}")


def _show(options: argparse.Namespace, results: Sequence[RunResult], tables: Sequence[Table], store: Store) -> None:
    """The page, the pictures and what goes to W&B, of the best rows of each table."""
    shown = [best_rows(table, options.most) for table in tables]
    for table in shown:
        if table.n_hidden:
            say(f"{table.heading.split(' · ')[0]}: {rows_shown(table)}")
    results = with_whole_runs(results, shown, store)
    if options.html:
        print_or_write(options.html, page(results, shown, store, _explained(options.explain, store)))
        say(f"the page is {options.html}")
    if options.plots:
        say(f"{len(draw_all(results, shown, store, options.plots))} pictures drawn to {options.plots}")
    if options.wandb:
        with TemporaryDirectory() as folder:
            pictures = draw_all(results, shown, store, Path(folder), (".png",))
            place = publish(tables, pictures, WandbConfig(project=options.wandb), options.store)
        say(place)


def _explained(runs: Sequence[str], store: Store) -> dict[str, Sequence[Explanation]]:
    """Lists of some runs with their reasons, by the run's whole id; a line for each run that cannot be explained."""
    if not runs:
        return {}  # a page of tables needs no torch
    from rexp.experiment.explanations import example_lists, installed_explainer

    found: dict[str, Sequence[Explanation]] = {}
    explainer = installed_explainer()
    for run in map(store.resolve, runs):
        try:
            found[run] = example_lists(explainer, store, run)
        except ConfigError as error:
            warn(f"run {run} is not explained on the page: {error}")
    return found


def _rows(text: str) -> int:
    if text.isdecimal() and (number := int(text)) > 0:
        return number
    raise argparse.ArgumentTypeError(f"'{text}' is no number of rows: 1 or more")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]

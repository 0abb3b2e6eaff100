"""``rexp report``: the table of stored runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rexp.errors import StoreError
from rexp.report.tables import make_tables
from rexp.report.write import comma_separated, markdown
from rexp.store.store import Store


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
    options = parser.parse_args(argv)
    results = sorted(Store(options.store).runs(), key=lambda run: (sorted(run.get("labels", {}).items()), run["seed"]))
    if not results:
        print(f"rexp: no finished run in {options.store}; start one with: python -m rexp", file=sys.stderr)
        return 1
    if options.markdown:
        print(markdown(make_tables(results, options.rows, options.cols)), end="")
    elif options.csv:
        _write_csv(options.csv, comma_separated(make_tables(results, options.rows, options.cols)))
    else:
        from rexp.report.table import render_table

        render_table(results, keys=options.rows, columns=options.cols)
    return 0


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

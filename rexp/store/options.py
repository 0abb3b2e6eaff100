"""How every verb names the store."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT = Path("runs")


def add_store(parser: argparse.ArgumentParser, *, bare: bool = False) -> None:
    """``--store FOLDER``.

    Args:
        parser: of a verb.
        bare: the folder may stand without ``--store``, where a verb has no other argument.
    """
    parser.add_argument("--store", type=Path, default=DEFAULT, metavar="FOLDER", help="of runs (default: ./runs)")
    if bare:
        parser.add_argument("store", nargs="?", type=Path, default=argparse.SUPPRESS, help="the same, without --store")

"""Argument parsing and shell completion shared by all verbs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from rexp.errors import ConfigError
from rexp.store.store import Store

DEFAULT_STORE = Path("runs")
OF_A_RUN = ("export", "measure", "recommend", "verify")
"""Verbs whose arguments are runs."""


class Arguments(argparse.ArgumentParser):
    """A verb's arguments; what is wrong with them is one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self.prog}: {message}; {self.prog} --help lists what there is")


def add_store(parser: argparse.ArgumentParser, *, bare: bool = False) -> None:
    """``--store FOLDER``.

    Args:
        parser: of a verb.
        bare: the folder may stand without ``--store``, where a verb has no other argument.
    """
    parser.add_argument("--store", type=Path, default=DEFAULT_STORE, metavar="FOLDER", help="of runs (default: ./runs)")
    if bare:
        parser.add_argument(
            "bare", nargs="?", type=Path, action=_Bare, metavar="STORE", help="the same, without --store"
        )


class _Bare(argparse.Action):
    """Takes the place of ``--store`` where it is given."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        if values is not None:
            namespace.store = values


def completions(words: Sequence[str], verbs: Mapping[str, str]) -> list[str]:
    """Completions of the last word of a command line.

    Args:
        words: as typed so far; the last one may be empty.
        verbs: module of each verb.

    >>> completions(["re"], {"report": "", "recommend": "", "data": ""})
    ['report', 'recommend']
    """
    *before, last = words
    if not before:
        return [verb for verb in verbs if verb.startswith(last)]
    if before[0] not in verbs:
        return []
    if last.startswith("-"):
        return [option for option in _options(import_module(verbs[before[0]]).main) if option.startswith(last)]
    return [run for run in _runs(before) if run.startswith(last)] if before[0] in OF_A_RUN else []


def _options(main: Callable[[list[str]], int]) -> list[str]:
    """Long options, as the verb's own help has them."""
    text = StringIO()
    with redirect_stdout(text), redirect_stderr(StringIO()), suppress(SystemExit):
        main(["--help"])
    return list(dict.fromkeys(re.findall(r"(?<![\w-])--[a-z][\w-]*", text.getvalue())))


def _runs(words: Sequence[str]) -> list[str]:
    named = [word for before, word in pairwise(words) if before == "--store"]
    with redirect_stderr(StringIO()):  # what is damaged is told elsewhere
        return [brief.run_id for brief in Store(Path(named[-1]) if named else DEFAULT_STORE).briefs()]

"""Argument parsing and shell completion shared by all verbs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from rexp.errors import ConfigError
from rexp.io.paths import at_home
from rexp.plugins import registry
from rexp.plugins.conf_dirs import conf_folders
from rexp.store.store import Store

DEFAULT_STORE = Path("runs")


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
    parser.add_argument(
        "--store", type=at_home, default=DEFAULT_STORE, metavar="FOLDER", help="of runs (default: ./runs)"
    )
    if bare:
        parser.add_argument(
            "bare", nargs="?", type=at_home, action=_Bare, metavar="STORE", help="the same, without --store"
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
    parser: argparse.ArgumentParser = import_module(verbs[before[0]]).arguments()
    return [word for word in dict.fromkeys(_candidates(parser, before, last)) if word.startswith(last)]


def _candidates(parser: argparse.ArgumentParser, before: Sequence[str], last: str) -> Iterator[str]:
    """What the arguments allow behind ``before``: long options where one is begun, else actions, values and names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = [action.choices[word] for word in before[1:] if word in action.choices]
            yield from _candidates(chosen[0], before, last) if chosen else action.choices
        elif last.startswith("-") and action.help != argparse.SUPPRESS:
            yield from (option for option in action.option_strings if option.startswith("--"))
        elif before[-1] in action.option_strings if action.option_strings else not before[-1].startswith("-"):
            names = NAMES.get((before[0], action.dest))
            yield from action.choices or (names(before) if names else ())


def _runs(words: Sequence[str]) -> list[str]:
    named = [word for before, word in pairwise(words) if before == "--store"]
    with redirect_stderr(StringIO()):  # what is damaged is told elsewhere
        return [brief.run_id for brief in Store(Path(named[-1]) if named else DEFAULT_STORE).briefs()]


def _files(group: str) -> list[str]:
    """Names of the configurations in a folder that is no Hydra group."""
    return sorted(file.stem for folder in conf_folders() for file in (folder / group).glob("*.yaml"))


NAMES: Mapping[tuple[str, str], Callable[[Sequence[str]], list[str]]] = {
    **{(verb, "run"): _runs for verb in ("export", "measure", "recommend", "verify")},
    ("data", "name"): lambda _: registry.names("data"),
    ("paper", "paper"): lambda _: _files("paper"),
    ("plugins", "names"): lambda _: [plugin.name for plugin in registry.plugins()],
    ("tune", "space"): lambda _: _files("tune"),
}
"""What an argument of a verb may be, where it is a name; from the words before it."""

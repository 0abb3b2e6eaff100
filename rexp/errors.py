"""Errors that end a run with one clear line: what is wrong, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey and not show: control characters, and marks that turn the direction of text."""


def visible(text: str) -> str:
    r"""The text with everything to be seen in it.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class RexpError(Exception):
    """A fault that a user can mend; its text is one line and its exit code goes to the shell."""

    exit_code = 1

    def __str__(self) -> str:
        return visible(super().__str__())


class ConfigError(RexpError):
    """The configuration cannot be run: an unknown name, a wrong type, a contradiction."""

    exit_code = 2


class DataError(RexpError):
    """The data cannot be used: a missing file or column, a value that is no number, an empty split."""


class StoreError(RexpError):
    """The store cannot be written, or something in it is corrupt."""


class RunError(RexpError):
    """The run itself failed: NaN scores, a loss that is not finite."""


class Interrupted(RexpError):
    """The run was asked to stop (SIGTERM); a checkpoint was left, and the same command goes on from it."""

    exit_code = 143


MOST_NAMED = 40
"""Names that a message lists at most: the users of a data set would fill the screen."""


def check_choice(key: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is none of the known values.

    Raises:
        ConfigError: with the nearest one.
    """
    options = list(known)
    if value not in options:
        raise ConfigError(f"{key}={value!r}: there is no such value; {did_you_mean(str(value), options)}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say the nearest known name, then the known ones.

    >>> did_you_mean("nfc", ["ncf", "mf"])
    "did you mean 'ncf'? Known: mf, ncf"
    >>> did_you_mean("zzz", [])
    'none is installed'
    """
    name, options = str(name), sorted(set(known))
    if not options:
        return "none is installed"
    near = get_close_matches(name, options, n=1, cutoff=0.5)
    more = f" and {len(options) - MOST_NAMED} more" if len(options) > MOST_NAMED else ""
    return (f"did you mean '{near[0]}'? " if near else "") + "Known: " + ", ".join(options[:MOST_NAMED]) + more

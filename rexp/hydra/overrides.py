"""Arguments as a user types them, made into what Hydra reads as they are meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

WITH_VALUE = (
    "--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--info",
    "-i",    "--experimental-rerun", "--shell-completion", "-sc",
)  # fmt: skip
WITHOUT_VALUE = (
    "--help",
    "-h",
    "--hydra-help",
    "--version",
    "--resolve",
    "--run",
    "-r",
    "--multirun",
    "-m",
    "--info",
    "-i",
)
"""Options of Hydra's command line."""
OFTEN_EMPTY = ("teacher.", "teachers.", "retriever.", "loss.", "sampler.", "compress.stages.")
"""Options of groups that may hold nothing; in a sweep over such a group they are options of some of its jobs alone."""
OF_TEACHER = re.compile(r"teachers?(\.\w+)?\.(from|scores|seed|weight|on_weak)=.*", re.DOTALL)
"""Keys of any teacher's node, which its model's own file need not have."""
OF_COLUMN = re.compile(r"data\.(features|vectors)[.=].*", re.DOTALL)
"""Keys of columns of the data, which no file can list."""
OF_PARTS = re.compile(r"model\.runs=.*", re.DOTALL)
"""The runs that a model is made of: in a sweep over models only some of them are."""
OVERRIDE = re.compile(r"\+{0,2}[\w.@/-]+")
PLAIN = re.compile(r"[\w./:,+-]*", re.ASCII)
MARKED = re.compile(r"^[\[{]|['\"\\]|\$\{|[(].*[)]$")
"""Values that are lists, mappings, references or calls, or have marks of their own: Hydra says what is wrong there."""
RUNS = re.compile(r"(\+{0,2}[\w.@/]+\.runs)=\[([0-9a-f]+(?:,[0-9a-f]+)*)\]")
RUN = re.compile(r"(\+{0,2}[\w.@/]+\.(?:init_from|from|ranker))=([0-9a-f]+(?:,[0-9a-f]+)*)")


def normalize_overrides(arguments: Sequence[str]) -> list[str]:
    """The arguments for Hydra.

    A value that Hydra's grammar cannot read, such as a path with accents or a tilde, is text as it was typed. A run's
    id is text, though ``12e4`` looks like a number. What every teacher's node may hold is added to it where its model's
    file does not have it, and so is what is said of a column of the data. In a sweep, an option with one value is
    written as a choice of one: Hydra composes a sweep once without the groups that are swept, where such an option
    would have no place.

    >>> normalize_overrides(["teacher.from=12e4"])
    ["++teacher.from='12e4'"]
    >>> normalize_overrides(["model.runs=[12e4,0017]"])
    ["++model.runs=['12e4','0017']"]
    >>> normalize_overrides(["data.features.user.age.fill=median"])
    ['++data.features.user.age.fill=median']
    >>> normalize_overrides(["data.path=~/données.csv", "data.path=lr=0.1.csv"])
    ["data.path='~/données.csv'", "data.path='lr=0.1.csv'"]
    >>> normalize_overrides(["-m", "model@teacher=mf,lightgcn", "teacher.fit.max_epochs=2", "seed=1"])
    ['-m', 'model@teacher=mf,lightgcn', 'teacher.fit.max_epochs=choice(2)', 'seed=1']
    """
    arguments = _options_first(arguments)
    sweeping = any(argument in ("-m", "--multirun") for argument in arguments)
    arguments = [_readable(argument, sweeping=sweeping) for argument in arguments]
    quoted = [_runs_as_text(argument) for argument in arguments]
    unlisted = (OF_TEACHER, OF_COLUMN, OF_PARTS)
    added = [f"++{argument}" if any(key.fullmatch(argument) for key in unlisted) else argument for argument in quoted]
    return [_as_choice(argument) if sweeping else argument for argument in added]


def _runs_as_text(argument: str) -> str:
    """The argument, with quotes around ids of runs where it names some."""
    several, listed = RUN.fullmatch(argument), RUNS.fullmatch(argument)
    if not (found := several or listed):
        return argument
    quoted = ",".join(f"'{run}'" for run in found[2].split(","))
    return f"{found[1]}=[{quoted}]" if listed else f"{found[1]}={quoted}"


def _options_first(arguments: Sequence[str]) -> list[str]:
    """Hydra's options in front of the overrides, wherever they were typed.

    >>> _options_first(["seed=1,2", "-m", "-cd", "mine", "model=mf"])
    ['-m', '-cd', 'mine', 'seed=1,2', 'model=mf']

    Raises:
        ConfigError: an option that Hydra does not have, which is a setting.
    """
    options: list[str] = []
    overrides: list[str] = []
    taken = iter(arguments)
    for argument in taken:
        name = argument.partition("=")[0]
        if not argument.startswith("-"):
            overrides.append(argument)
        elif name in WITHOUT_VALUE or ("=" in argument and name in WITH_VALUE):
            options.append(argument)
        elif name in WITH_VALUE:
            options += [argument, *([value] if (value := next(taken, None)) is not None else [])]
        else:
            value = argument.partition("=")[2] or next(taken, "VALUE")
            key = re.sub(r"[^\w.@/]", "_", name.lstrip("-"))
            raise ConfigError(f"{argument}: a setting is written KEY=VALUE, without dashes: {key}={value}")
    return [*options, *overrides]


def _readable(argument: str, *, sweeping: bool) -> str:
    """The argument, its value in quotes where Hydra cannot read it; in a sweep each of several choices for itself."""
    key, equals, value = argument.partition("=")
    if not equals or not OVERRIDE.fullmatch(key) or PLAIN.fullmatch(value) or MARKED.search(value) or _parses(argument):
        return argument
    choices = value.split(",") if sweeping else [value]
    quoted = f"{key}=" + ",".join(f"'{choice}'" for choice in choices)
    return quoted if _parses(quoted) else argument


def _parses(argument: str) -> bool:
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    return True


def _as_choice(argument: str) -> str:
    key, _, value = argument.partition("=")
    if not value or not key.lstrip("+").startswith(OFTEN_EMPTY):
        return argument
    try:
        parsed = OverridesParser.create().parse_override(argument)
    except HydraException:
        return argument  # Hydra says better what is wrong
    return argument if parsed.is_sweep_override() else f"{key}=choice({value})"


def parsed(words: Sequence[str]) -> list[Override]:
    """Overrides as Hydra's parser reads them."""
    return OverridesParser.create().parse_overrides(normalize_overrides(words))

"""Reading of users' YAML files, with one-line errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rexp.errors import ConfigError

if TYPE_CHECKING:
    from yaml import Node

MOST_VALUES = 100_000
"""Values in a file, each counted as often as aliases repeat it; ten aliases in ten levels would be ten billion."""


def read_yaml(file: Path) -> Any:
    """A file's content.

    Raises:
        ConfigError: it cannot be read, is no UTF-8 or no YAML, has a key twice, or aliases that multiply.
    """
    text = _text(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _check(node, file)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}{_where(error)} is no YAML: {_what(error)}") from error
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"{file} is no YAML that can be read: {error}") from error


def check_folder(folder: Path) -> None:
    """Look at all files of a folder of configurations.

    Raises:
        ConfigError: see :func:`read_yaml`.
    """
    for file in sorted(folder.rglob("*.yaml")):
        read_yaml(file)


def folders_named(arguments: Sequence[str]) -> list[Path]:
    """Folders that ``--config-dir`` (``-cd``) names.

    >>> folders_named(["--config-dir=mine", "-cd", "yours", "seed=1"])
    [PosixPath('mine'), PosixPath('yours')]
    """
    named = []
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in ("--config-dir", "-cd"):
            named.append(value if equals else "".join(arguments[place + 1 : place + 2]))
    return [Path(name) for name in named if name]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}, line {line} is not UTF-8; save it in that encoding") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error


def _check(root: Node | None, file: Path) -> None:
    """Without recursion, for the tree may be as deep as the file is long."""
    sizes: dict[int, int] = {}
    stack = [] if root is None else [(root, False)]
    above: set[int] = set()
    while stack:
        node, seen = stack.pop()
        children: list[Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        if seen:
            above.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 0) for child in children)
            if sizes[id(node)] > MOST_VALUES:
                raise ConfigError(f"{file} has aliases that make more than {MOST_VALUES:,} values; write them out")
            continue
        if id(node) in above:
            raise ConfigError(f"{file}, line {node.start_mark.line + 1} has an alias within what it stands for")
        if id(node) in sizes:
            continue
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, file)
        above.add(id(node))
        stack.append((node, True))
        stack += [(child, False) for child in children]


def _check_keys(node: Node, file: Path) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name in seen and name != "<<":
            raise ConfigError(
                f"{file}, line {key.start_mark.line + 1} has the key '{name}' a second time; leave one out"
            )
        seen.add(name)


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def _what(error: Exception) -> str:
    context, problem = getattr(error, "context", None), getattr(error, "problem", None)
    text = " ".join(part for part in (context, problem) if part) or str(error)
    return " ".join(text.split())

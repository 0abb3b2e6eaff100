"""What a data configuration names: files and plugins. A run that is done already is found by these, without numpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.io.content_hash import FileContent, file_content, hashes
from rexp.plugins import registry
from rexp.plugins.choice import Choice

if TYPE_CHECKING:
    from rexp.api import Dataset
    from rexp.plugins.options import Node, NodeView

RESERVED = ("features", "filter", "split", "strict")
UNNAMED = ("given", "leave_last")
"""Splits of which the data takes one where its configuration names none."""


def source_contents(node: NodeView, root: Path | None, cache: Path) -> tuple[FileContent, ...]:
    """Content hashes of the data's files; a file hashed before is not read again."""
    return tuple(file_content(source.path, hashes(cache)) for source in make_dataset(node, root).sources())


def as_key(files: Iterable[FileContent]) -> list[tuple[str, str]]:
    """Name and sha256 of each file, in the order of the data set's sources, which says what each of them is for; in
    which folder they lie is no part of what they are."""
    return [(file.name, file.sha256) for file in files]


def plugins_of(node: NodeView) -> list[tuple[str, str]]:
    """Kinds and names of the plugins that a data configuration uses."""
    splitter = split_options(node)
    named = (str(splitter["name"]),) if splitter else UNNAMED
    return [("data", str(node["name"])), *(("split", name) for name in named)]


def make_dataset(node: NodeView, root: Path | None) -> Dataset:
    """The data set of a configuration, with its options checked."""
    dataset: Dataset = Choice.of("data", node, "data", RESERVED).make(root)
    return dataset


def choose_splitter(node: NodeView, *, given: bool) -> Choice:
    """The splitter of a configuration; without one, the data's own parts where it has them, else leave-last."""
    options = split_options(node) or {"name": UNNAMED[0] if given else UNNAMED[1]}
    return Choice.of("split", options, "data.split")


def split_options(node: NodeView) -> Node:
    """The options of the splitter with its name; empty where none is chosen."""
    options = node.get("split") or {}
    if not isinstance(options, Mapping) or (options and "name" not in options):
        raise ConfigError(f"data.split has no name; choose data/split from {', '.join(registry.names('split'))}")
    return dict(options)

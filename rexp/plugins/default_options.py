"""Default values of a plugin's options, of rexp's own plugins without importing them.

Composing a configuration needs the defaults of every stage, and importing a stage takes torch, which takes seconds. So
the dataclass of a plugin of rexp is read from its source where its defaults are literals; all others are imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import MISSING, Field, asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.plugins.code_version import OWN

if TYPE_CHECKING:
    from rexp.plugins.options import Node
    from rexp.plugins.registry import Plugin

MANDATORY = "???"
"""Hydra's value of an option that has no default."""

EMPTY = {"field(default_factory=list)": list, "field(default_factory=dict)": dict}


class _NotLiteral(Exception):
    """The source alone does not say it."""


def default_options(plugin: Plugin) -> Node:
    """Plain default values by option, :data:`MANDATORY` where there is none.

    Raises:
        ConfigError: the plugin cannot be imported.
    """
    if plugin.distribution == OWN:
        try:
            return _written(plugin.target)
        except _NotLiteral:
            pass
    config: Any = plugin.load().Config
    return {field.name: _plain(field) for field in fields(config)}


def _plain(field: Field[Any]) -> Any:
    value: Any = field.default if field.default_factory is MISSING else field.default_factory()
    if value is MISSING:
        return MANDATORY
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.value if isinstance(value, Enum) else value


def _written(target: str) -> Node:
    """The defaults of ``module:class`` as its source has them."""
    module, _, name = target.partition(":")
    for key, value in _annotated(_class(module, name)):
        if key == "Config" and isinstance(value, ast.Name):
            return _fields(*_origin(module, value.id))
    raise _NotLiteral


def _fields(module: str, name: str) -> Node:
    """Fields of a dataclass, those that it inherits first, as ``dataclasses`` orders them."""
    found: Node = {}
    node = _class(module, name)
    for base in reversed(node.bases):
        if not isinstance(base, ast.Name):
            raise _NotLiteral
        found |= _fields(*_origin(module, base.id))
    for key, value in _annotated(node):
        found[key] = MANDATORY if value is None else _literal(value)
    return found


def _annotated(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr | None]]:
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            yield line.target.id, line.value


def _literal(value: ast.expr) -> Any:
    if ast.unparse(value) in EMPTY:
        return EMPTY[ast.unparse(value)]()
    try:
        return ast.literal_eval(value)
    except ValueError as error:
        raise _NotLiteral from error


def _origin(module: str, name: str) -> tuple[str, str]:
    """Where a name of a module is defined: there, or in a module of rexp that it imports it from."""
    for line in _source(module).body:
        if isinstance(line, ast.ImportFrom):
            for alias in line.names:
                if name == (alias.asname or alias.name):
                    return str(line.module), alias.name
    return module, name


def _class(module: str, name: str) -> ast.ClassDef:
    for line in _source(module).body:
        if isinstance(line, ast.ClassDef) and line.name == name:
            return line
    raise _NotLiteral


@cache
def _source(module: str) -> ast.Module:
    root, *parts = module.split(".")
    file = Path(__file__).parents[1].joinpath(*parts).with_suffix(".py")
    if root != "rexp" or not file.is_file():
        raise _NotLiteral
    return ast.parse(file.read_text(encoding="utf-8"))

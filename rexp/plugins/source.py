"""The code of a Python file: its text without comments and docstrings, and the modules that it imports when it runs."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

Span = tuple[int, int]
_LINE_END = re.compile(rb"[ \t\r\f]*(?:#[^\n]*)?(?=\n|\Z)")
_NEWLINES = re.compile(rb"\n+")


@dataclass(frozen=True)
class Source:
    """What a file does, whatever is written beside it.

    Args:
        digest: hash of its text without comments, docstrings and blank lines.
        imports: names that may be modules: for ``from a import b`` both ``a`` and ``a.b``; a relative one begins with
            its dots.
    """

    digest: str
    imports: tuple[str, ...]


def read_source(content: bytes) -> Source:
    """Take a file apart.

    Imports inside functions count, for they run. Those under ``TYPE_CHECKING`` do not run and do not count, except in
    a module with a ``__getattr__`` of its own, where they are what it imports when it is asked. The hash is of text and
    not of the syntax tree, whose form differs between versions of Python: the same code has one hash.

    >>> one = read_source(b'"Docstring."\\nfrom a import b  # why\\n')
    >>> one.imports, one == read_source(b"from a import b\\n")
    (('a', 'a.b'), True)
    """
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # importing it will fail, and tell
        return Source(hashlib.sha256(content).hexdigest(), ())
    starts = _line_starts(content)
    strings: list[tuple[Span, bool]] = []
    imports: set[str] = set()
    for node in _nodes(tree, lazy=_is_lazy(tree)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= set(_imported(node))
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            strings.append((_span(node, starts), True))
        elif isinstance(node, ast.Expr):
            strings.append((_span(node, starts), False))
    return Source(hashlib.sha256(_code(content, strings)).hexdigest(), tuple(sorted(imports)))


def _nodes(tree: ast.AST, *, lazy: bool) -> Iterator[ast.AST]:
    """Imports that run, strings, and strings that are statements of their own: docstrings."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
            yield node
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes):
                yield node
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node
        elif isinstance(node, ast.If) and _is_type_checking(node.test) and not lazy:
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _is_lazy(tree: ast.Module) -> bool:
    """Whether the module gives names that it imports only when they are asked for (PEP 562)."""
    branches = (statement for line in tree.body if isinstance(line, ast.If) for statement in line.body)
    return any(isinstance(line, ast.FunctionDef) and line.name == "__getattr__" for line in [*tree.body, *branches])


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = "." * node.level + (node.module or "")
    yield base
    yield from (base + ("" if base.endswith(".") else ".") + alias.name for alias in node.names)


def _line_starts(content: bytes) -> list[int]:
    starts = [0]
    for line in content.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _span(node: ast.expr | ast.stmt, starts: list[int]) -> Span:
    """Where a node begins and ends, in bytes of the file."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _code(content: bytes, strings: list[tuple[Span, bool]]) -> bytes:
    """The text with its strings as they are, and the rest without comments, blank lines and spaces at line ends.

    Args:
        strings: spans that may hold a ``#`` of their own, and whether they are kept.
    """
    parts: list[bytes] = []
    gap, place = b"", 0
    for (start, end), kept in sorted(strings):
        gap += content[place:start]
        if kept:
            parts += [_tidy(gap), content[start:end]]
            gap = b""
        place = end
    return b"".join([*parts, _tidy(gap + content[place:])]).strip(b"\n")


def _tidy(code: bytes) -> bytes:
    """Code between two strings."""
    return _NEWLINES.sub(b"\n", _LINE_END.sub(b"", code))

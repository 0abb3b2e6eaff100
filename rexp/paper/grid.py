"""Tables of a study, written once for all their data sets and models.

An entry of ``rows`` with rows of its own is a table; ``for: {data: [a, b], model: [c, d]}`` makes one of each
combination, in which ``{data}`` and ``{model}`` stand for its values. Within a table rows are called by their short
names. ``parts`` are overrides, and keys to search, under names that stand for them in ``run``; ``{data}`` has its value
there, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView
    from rexp.plugins.options import Node

SEPARATOR = " · "
NAMES_ROWS = ("plain", "control", "teacher", "share_of", "dense", "values")
OF_GROUPS = ("for", "group", "rows", "run")


def expanded(node: JsonView, where: str) -> tuple[Node, list[Node]]:
    """The file with every row written out, and its tables without their rows.

    Raises:
        ConfigError: a part that there is not, or words that go together with none.
    """
    parts = node.get("parts") or {}
    rows: list[Any] = []
    groups: list[Node] = []
    for place, entry in enumerate(node.get("rows") or ()):
        if not isinstance(entry, Mapping) or "rows" not in entry:
            rows.append(_with_parts(entry, parts, where))
            continue
        for values in _combinations(entry.get("for") or {}, f"{where} rows[{place}]"):
            group = _filled({key: value for key, value in entry.items() if key != "for"}, values)
            name = str(group.get("group") or SEPARATOR.join(values.values()))
            own = [row for row in group["rows"] if _applies(row, values)]
            full = {str(row.get("name")): f"{name}{SEPARATOR}{row.get('name')}" for row in own}
            for row in own:
                with_group = {**row, "group": name, "run": [*group.get("run", ()), *row.get("run", ())]}
                if "best_of" in row:
                    del with_group["run"]
                written = _with_parts(with_group, _filled(parts, values), where)
                rows.append(_named(written, full) | {"name": full[str(row["name"])]})
            groups.append(_named({k: v for k, v in group.items() if k not in OF_GROUPS}, full) | {"name": name})
    written = {key: value for key, value in node.items() if key != "parts"}
    return ({**written, "rows": rows} if rows else written), groups


def _combinations(given: Any, where: str) -> Iterator[dict[str, str]]:
    if not isinstance(given, Mapping) or not all(isinstance(values, list) and values for values in given.values()):
        raise ConfigError(f"{where}: 'for' is a mapping of names to lists, such as {{data: [ml-100k, ml-1m]}}")
    for combination in product(*given.values()):
        yield dict(zip(given, map(str, combination), strict=True))


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    """The node with ``{name}`` replaced in all its texts.

    >>> _filled({"run": ["data={data}", "a={b: 1}"]}, {"data": "ml-1m"})
    {'run': ['data=ml-1m', 'a={b: 1}']}
    """
    if isinstance(node, str):
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), node)
    if isinstance(node, Mapping):
        return {key: _filled(value, values) for key, value in node.items()}
    return [_filled(value, values) for value in node] if isinstance(node, list) else node


def _applies(row: JsonView, values: Mapping[str, str]) -> bool:
    """Whether a row stands in the table of these values; ``only: {data: [...]}`` names those that it stands in."""
    return all(values.get(key) in list(map(str, wanted)) for key, wanted in (row.get("only") or {}).items())


def _named(node: JsonView, full: Mapping[str, str]) -> Node:
    """The node with short names of rows of its table written out."""
    named = {key: full.get(str(value), value) if key in NAMES_ROWS else value for key, value in node.items()}
    for key in ("run", "best_of"):
        if key in named:
            named[key] = [_references(full.get(text, text) if key == "best_of" else text, full) for text in named[key]]
    return {key: value for key, value in named.items() if key != "only"}


def _references(text: str, full: Mapping[str, str]) -> str:
    return re.sub(r"<([^<>]+)>", lambda found: f"<{full.get(found[1], found[1])}>", str(text))


def _with_parts(row: Any, parts: JsonView, where: str) -> Any:
    """The row with the overrides and the searched keys of its parts.

    ``tune: null`` searches nothing, a key of its own that is null leaves out that of a part; a row that takes the
    values of another one searches its own keys alone.
    """
    if not isinstance(row, Mapping) or not parts:
        return dict(row) if isinstance(row, Mapping) else row
    run, tune = _parts(row.get("run", ()), parts, where)
    written: Node = {**row, "run": run} if "run" in row else {**row}
    own = row.get("tune", {})
    if own is None or row.get("values") is not None:
        tune = {}
    written["tune"] = {key: value for key, value in {**tune, **(own or {})}.items() if value is not None}
    return written


def _parts(run: Sequence[str], parts: JsonView, where: str) -> tuple[list[str], Node]:
    overrides: list[str] = []
    tune: Node = {}
    for text in run:
        if "=" in text or text.startswith("~"):
            overrides.append(text)
            continue
        if text not in parts:
            raise ConfigError(f"{where} has no part '{text}'; {did_you_mean(text, parts)}")
        part = parts[text] if isinstance(parts[text], Mapping) else {"run": parts[text]}
        inner, searched = _parts(part.get("run", ()), parts, where)
        overrides += inner
        tune |= {**searched, **part.get("tune", {})}
    return overrides, tune

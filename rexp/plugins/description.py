"""Descriptions of plugins, read from their source and metadata without importing them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from rexp.api import REXP_API
from rexp.plugins import registry

State = Literal["found", "clash", "unfit", "missing"]
"""As far as it can be told without an import: found; of two distributions with one name; written for an API that this
rexp does not have; without a class in the file that its entry point names."""
_CLASS = r"^class {}\b.*?(?=^[\w@]|\Z)"
_DOCSTRING = re.compile(r'[^:]*:\s*\n\s+[rR]?"""(.*?)(?:\n\s*\n|""")', re.S)
_API = re.compile(r"^\s+rexp_api\b[^=\n]*=\s*\((\d+),\s*(\d+)\)", re.M)


@dataclass(frozen=True)
class Description:
    """A plugin as ``rexp plugins`` lists it.

    Args:
        api: the version of the contracts that it was written for; that of rexp where it states none.
        state: see :data:`State`.
        homepage: of its distribution; may be empty.
        summary: the first sentence of its docstring; may be empty.
    """

    api: str
    state: State
    homepage: str
    summary: str


def describe(plugins: Sequence[registry.Plugin]) -> list[Description]:
    """A description of each plugin, in their order."""
    return [_describe(plugin) for plugin in plugins]


def _describe(plugin: registry.Plugin) -> Description:
    body = _body(plugin)
    docstring, stated = _DOCSTRING.match(body), _API.search(body)
    api = (int(stated[1]), int(stated[2])) if stated else REXP_API
    state: State = "found"
    if len(registry.plugins_of(plugin.kind, plugin.name)) > 1:
        state = "clash"
    elif not body:
        state = "missing"
    elif not registry.is_supported(api):
        state = "unfit"
    summary = _sentence(docstring[1]) if docstring else ""
    return Description(f"{api[0]}.{api[1]}", state, _homepage(plugin.distribution), summary)


def _body(plugin: registry.Plugin) -> str:
    """The lines of its class; none where its module has no such class of its own."""
    module, _, path = plugin.target.partition(":")
    name = re.escape(path.rpartition(".")[2])
    found = re.search(_CLASS.format(name), _source(module) or "", re.M | re.S)
    return found[0] if found else ""


def _sentence(text: str) -> str:
    """The first sentence, on one line and without markup; a point in parentheses ends none.

    >>> _sentence("Ranks (A. Smith et al. 2019),\\n    by ``r``. More.")
    'Ranks (A. Smith et al. 2019), by r.'
    """
    line = re.sub(r":\w+:`~?([^`]*)`|``", r"\1", re.sub(r"\s+", " ", text).strip())
    for end in re.finditer(r"\.(?= [A-Z0-9`])", line):
        sentence = line[: end.end()]
        if sentence.count("(") == sentence.count(")"):
            return sentence
    return line


@cache
def _source(module: str) -> str | None:
    """The text of a module, found beside its package, which is not imported; None where there is none."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None:
        return None
    if not rest:
        files = [Path(spec.origin)] if spec.origin else []
    else:
        places = [Path(place, *rest) for place in spec.submodule_search_locations or []]
        files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    for file in files:
        if file.suffix == ".py" and file.is_file():
            return file.read_text(encoding="utf-8", errors="replace")
    return None


@cache
def _homepage(distribution: str) -> str:
    try:
        stated = metadata(distribution)
    except PackageNotFoundError:
        return ""
    urls = dict(re.split(r",\s*", url, maxsplit=1) for url in stated.get_all("Project-URL") or [] if "," in url)
    named = {name.lower(): url for name, url in urls.items()}
    old = stated.get_all("Home-page") or [""]
    return named.get("homepage") or old[0] or next(iter(urls.values()), "")

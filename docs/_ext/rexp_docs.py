"""Directives that write parts of the documentation from the code: verbs, plugins and metrics."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from sphinx.util.docutils import SphinxDirective

from rexp.__main__ import VERBS
from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.default_options import default_options
from rexp.plugins.description import describe

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

LEVELS = {"users": "Of ranked lists, by user", "catalogue": "Of what is recommended at all", "rows": "Of labeled rows"}


class Written(SphinxDirective):
    """A directive whose content is Markdown that the code gives."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


class Verbs(Written):
    """Every verb with its options, out of its argparse parser."""

    def lines(self) -> Iterator[str]:
        for verb, module in VERBS.items():
            yield from _verb(f"rexp {verb}", import_module(module).arguments(), "##")


def _verb(name: str, parser: argparse.ArgumentParser, level: str) -> Iterator[str]:
    yield from [f"{level} {name}", "", _text(parser.description or ""), ""]
    options = [action for action in parser._actions if action.help != argparse.SUPPRESS and action.dest != "help"]
    subparsers = [action for action in options if isinstance(action, argparse._SubParsersAction)]
    own = [action for action in options if action not in subparsers]
    if own:
        yield from ["```text", re.sub(r"\s+", " ", parser.format_usage()).strip(), "```", "", "| | |", "| --- | --- |"]
        for action in own:
            shown = _shown(action).replace("|", r"\|")
            yield f"| `{shown}` | {_text(action.help or '')} |"
        yield ""
    if parser.epilog:
        yield from [_text(parser.epilog), ""]
    for subparser in subparsers:
        helps = {choice.dest: choice.help for choice in subparser._choices_actions}
        for action, inner in subparser.choices.items():
            inner.description = inner.description or f"{(helps[action] or '')[:1].upper()}{(helps[action] or '')[1:]}."
            yield from _verb(f"{name} {action}", inner, level + "#")


def _shown(action: argparse.Action) -> str:
    """An argument as it is typed."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if not action.option_strings:
        return str(value)
    return action.option_strings[-1] + ("" if action.nargs == 0 else f" {value}")


def _text(text: str) -> str:
    """Plain text in a cell of a table."""
    return re.sub(r"([|*_<\[])", r"\\\1", text)


class Plugins(Written):
    """A table of rexp's own plugins of a kind, as ``rexp plugins`` tells of them."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        plugins = [plugin for plugin in registry.plugins(self.arguments[0]) if plugin.distribution == OWN]
        yield from ["| name | what it is |", "| --- | --- |"]
        for plugin, told in zip(plugins, describe(plugins), strict=True):
            yield f"| `{plugin.name}` | {_text(told.summary)} |"


class Metrics(Written):
    """Every metric by its docstring, which holds the formula and its source."""

    def lines(self) -> Iterator[str]:
        plugins = [plugin for plugin in registry.plugins("metric") if plugin.distribution == OWN]
        classes = {plugin: plugin.load() for plugin in plugins}
        for kind, heading in LEVELS.items():
            yield from ["", f"## {heading}", ""]
            for plugin, cls in classes.items():
                if cls.kind == kind:
                    yield from [f"### {plugin.name}", "", _markdown(cleandoc(cls.__doc__ or "")), ""]
                    yield from [_facts(plugin, cls), ""]


def _markdown(docstring: str) -> str:
    """The docstring up to its sections, with roles as code."""
    text = re.split(r"\n(?:Args|Raises|Returns):\n", docstring)[0]
    return re.sub(r":\w+:`~?([^`]*)`", r"``\1``", text)


def _facts(plugin: registry.Plugin, cls: Any) -> str:
    better = "Higher" if cls.higher_is_better else "Lower"
    options = ", ".join(f"`{key}={value}`" for key, value in default_options(plugin).items())
    return f"{better} is better." + (f" Options: {options} (`evaluate.options.{plugin.name}`)." if options else "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known to Sphinx."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}


DIRECTIVES: dict[str, type[Written]] = {"rexp-verbs": Verbs, "rexp-plugins": Plugins, "rexp-metrics": Metrics}

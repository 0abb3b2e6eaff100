"""``rexp plugins``: what is installed, where it comes from, whether it loads, and what its options mean."""

from __future__ import annotations

import json
from dataclasses import asdict
from inspect import cleandoc
from typing import Any, get_type_hints

from rich import box
from rich.table import Table
from rich.text import Text

from rexp import testing
from rexp.cli.verbs import Arguments
from rexp.errors import ConfigError, did_you_mean, visible
from rexp.io.terminal import Screen, styled
from rexp.io.text import say
from rexp.plugins import registry
from rexp.plugins.conf_dirs import conf_folder
from rexp.plugins.default_options import MANDATORY, default_options
from rexp.plugins.description import describe
from rexp.plugins.import_check import SECONDS, faults_of
from rexp.plugins.options import describe_type


def check_distributions() -> list[str]:
    """Faults of whole distributions: unreadable metadata, missing configuration folders."""
    missing = [package for package in registry.conf_packages() if conf_folder(package.package) is None]
    return registry.metadata_faults() + [
        f"{package.distribution} names the configurations {package.package}, and there is no such folder"
        for package in missing
    ]


def main(argv: list[str]) -> int:
    """Print the plugins, or the options of those named; with ``--check`` load each. Exit code 1 where one is broken."""
    options = arguments().parse_args(argv)
    plugins = _named(options.names, registry.plugins(options.kind))
    options.check |= options.deep
    if not options.seconds > 0:
        raise ConfigError(f"--seconds={options.seconds:g} must be above 0")
    broken = faults_of(plugins, options.seconds) if options.check else {}
    # Two plugins of one name share one reason.
    faults = list(dict.fromkeys(broken.values())) + (check_distributions() if options.check else [])
    if options.deep:
        faults += [fault for plugin in plugins if plugin not in broken for fault in _deep_faults(plugin)]
    if options.json:
        faulty = [{"fault": broken.get(plugin)} if options.check else {} for plugin in plugins]
        rows = [asdict(p) | asdict(d) | f for p, d, f in zip(plugins, describe(plugins), faulty, strict=True)]
        print(json.dumps({"plugins": rows, "faults": faults}, indent=2))
        return int(bool(faults))
    if options.names and not options.check:
        print("\n\n".join(_explained(plugin) for plugin in plugins))
        return 0
    _print_table(plugins, broken if options.check else None)
    for fault in faults:
        say(f"broken: {fault}")
    return int(bool(faults))


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(prog="rexp plugins", description="List installed plugins of every kind, or explain some.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="say what these plugins do and what their options mean"
    )
    parser.add_argument("--check", action="store_true", help="import every plugin and say which are broken, and why")
    parser.add_argument(
        "--deep", action="store_true", help="try each plugin on small data too, by the rules of its contract (--check)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"for the import of one plugin (default: {SECONDS:g})"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--kind", choices=sorted(registry.KINDS), help="only this kind")
    return parser


def _deep_faults(plugin: registry.Plugin) -> list[str]:
    """What breaks the rules of the contract, a line each."""
    try:
        results = testing.check_plugin(plugin.kind, plugin.name)
    except ConfigError as error:
        return [str(error)]
    return [f"{result}. {result.check.reason}" for result in results if result.outcome == "failed"]


def _named(names: list[str], plugins: list[registry.Plugin]) -> list[registry.Plugin]:
    known = [plugin.name for plugin in plugins]
    for name in names:
        if name not in known:
            raise ConfigError(f"no plugin is named '{name}'; {did_you_mean(name, known)}")
    return [plugin for plugin in plugins if not names or plugin.name in names]


def _explained(plugin: registry.Plugin) -> str:
    """What a plugin is, what its options mean, and their defaults."""
    cls: Any = plugin.load()
    # What is inherited is explained where it comes from.
    texts = [vars(base).get("__doc__") for base in (cls, *cls.Config.__mro__) if base is not object]
    hints = get_type_hints(cls.Config)
    defaults = default_options(plugin)
    shown = {
        key: "required" if value == MANDATORY else json.dumps(value, default=str) for key, value in defaults.items()
    }
    options = [f"    {key}: {value} # {describe_type(hints[key])}" for key, value in shown.items()]
    head = f"{plugin.kind} {plugin.name} of {plugin.distribution} {plugin.version}"
    return "\n\n".join([head, *(cleandoc(text) for text in texts if text), "\n".join(["Defaults:", *options])])


def _print_table(plugins: list[registry.Plugin], reasons: dict[registry.Plugin, str] | None) -> None:
    """One line a plugin; in a narrow terminal what it is gives way to where it comes from."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("kind", "name", "distribution", "version", "api", "state"):
        table.add_column(column, no_wrap=True)
    descriptions = describe(plugins)
    urls = any(description.homepage for description in descriptions)
    for column in ["homepage"] * urls + ["what it is"]:
        table.add_column(column)
    for plugin, told in zip(plugins, descriptions, strict=True):
        state: str = told.state if reasons is None else "broken" if plugin in reasons else "ok"
        cells = [plugin.kind, plugin.name, plugin.distribution, plugin.version, told.api]
        shown = styled(state, "" if state in ("ok", "found") else "red")
        rest = [
            Text(visible(text), no_wrap=True, overflow="ellipsis") for text in (*[told.homepage] * urls, told.summary)
        ]
        table.add_row(*cells, shown, *rest)
    Screen().print(table)

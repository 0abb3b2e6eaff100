"""``rexp plugins``: what is installed, where it comes from, and whether it loads."""

from __future__ import annotations

import json
from dataclasses import asdict

from rexp.cli.verbs import Arguments
from rexp.io.text import say
from rexp.plugins import registry
from rexp.plugins.import_check import SECONDS, faults_of


def check_distributions() -> list[str]:
    """What is wrong with whole distributions: unreadable metadata, configurations that are not there."""
    from rexp.plugins.conf_dirs import conf_folder

    missing = [package for package in registry.conf_packages() if conf_folder(package.package) is None]
    return registry.metadata_faults() + [
        f"{package.distribution} names the configurations {package.package}, and there is no such folder"
        for package in missing
    ]


def main(argv: list[str]) -> int:
    """Print the plugins; with ``--check`` load each. Exit code 1 where one is broken."""
    parser = Arguments(prog="rexp plugins", description="List installed plugins of every kind.")
    parser.add_argument("--check", action="store_true", help="import every plugin and say which are broken, and why")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"for the import of one plugin (default: {SECONDS:g})"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--kind", choices=sorted(registry.KINDS), help="only this kind")
    options = parser.parse_args(argv)
    plugins = registry.plugins(options.kind)
    broken = faults_of(plugins, options.seconds) if options.check else {}
    # Two plugins of one name share one reason.
    faults = list(dict.fromkeys(broken.values())) + (check_distributions() if options.check else [])
    if options.json:
        rows = [asdict(p) | ({"fault": broken.get(p)} if options.check else {}) for p in plugins]
        print(json.dumps({"plugins": rows, "faults": faults}, indent=2))
        return int(bool(faults))
    _print_table(plugins, broken if options.check else None)
    for fault in faults:
        say(f"broken: {fault}")
    return int(bool(faults))


def _print_table(plugins: list[registry.Plugin], reasons: dict[registry.Plugin, str] | None) -> None:
    from rich.table import Table

    from rexp.io.terminal import Screen, styled

    table = Table("kind", "name", "distribution", "version", *([] if reasons is None else ["state"]))
    for plugin in plugins:
        state = [] if reasons is None else [styled("broken", "red") if plugin in reasons else styled("ok")]
        table.add_row(plugin.kind, plugin.name, plugin.distribution, plugin.version, *state)
    Screen(soft_wrap=True).print(table)

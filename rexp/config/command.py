"""``rexp plugins``: what is installed, where it comes from, and whether it loads."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from rexp import registry
from rexp.errors import ConfigError


def check() -> list[tuple[registry.Plugin | None, str]]:
    """Load every plugin; each fault as (plugin or None, one line)."""
    from rexp.config.hydra_plugins import conf_folder

    faults: list[tuple[registry.Plugin | None, str]] = []
    for plugin in registry.plugins():
        try:
            registry.find(plugin.kind, plugin.name)
            plugin.load()
        except ConfigError as error:
            faults.append((plugin, str(error)))
    for package in registry.conf_packages():
        if conf_folder(package.package) is None:
            faults.append(
                (None, f"{package.distribution} names the configurations {package.package}, which do not exist")
            )
    return faults


def main(argv: list[str]) -> int:
    """Print the plugins; with ``--check`` load each. Exit code 1 where one is broken."""
    parser = argparse.ArgumentParser(prog="rexp plugins", description="List installed plugins of every kind.")
    parser.add_argument("--check", action="store_true", help="import every plugin and say which are broken, and why")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--kind", choices=sorted(registry.KINDS), help="only this kind")
    options = parser.parse_args(argv)
    plugins = registry.plugins(options.kind)
    faults = check() if options.check else []
    reasons = {plugin: reason for plugin, reason in faults if plugin}
    if options.json:
        rows = [asdict(p) | ({"fault": reasons.get(p)} if options.check else {}) for p in plugins]
        print(json.dumps({"plugins": rows, "faults": [reason for _, reason in faults]}, indent=2))
        return int(bool(faults))
    _print_table(plugins, reasons if options.check else None)
    for _, reason in faults:
        print(f"broken: {reason}", file=sys.stderr)
    return int(bool(faults))


def _print_table(plugins: list[registry.Plugin], reasons: dict[registry.Plugin, str] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "name", "distribution", "version", *([] if reasons is None else ["state"]))
    for plugin in plugins:
        state = [] if reasons is None else ["[red]broken[/]" if plugin in reasons else "ok"]
        table.add_row(plugin.kind, plugin.name, plugin.distribution, plugin.version, *state)
    Console(soft_wrap=True).print(table)

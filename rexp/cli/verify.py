"""``rexp verify``: is a stored run still what it says it is?"""

from __future__ import annotations

import json
from dataclasses import asdict

from rexp.cli.verbs import Arguments, add_store
from rexp.errors import visible
from rexp.store.store import Store
from rexp.store.verify import verify


def main(argv: list[str]) -> int:
    """Check a run; exit code 1 where anything differs."""
    options = arguments().parse_args(argv)
    store = Store(options.store)
    run = store.resolve(options.run)
    checks = verify(store, run)
    faults = [check for check in checks if check.fault]
    noted = [check for check in checks if check.note and not check.fault]
    if options.json:
        print(json.dumps({"run": run, "ok": not faults, "checks": [asdict(check) for check in checks]}, indent=2))
        return int(bool(faults))
    for check in faults:
        print(visible(f"differs  {check.what}: {check.fault}"))
    for check in noted:
        print(visible(f"unknown  {check.what}: {check.note}"))
    unknown = f"; {len(noted)} could not be made" if noted else ""
    made = len(checks) - len(noted)
    print(f"run {run}: {made - len(faults)} of {made} checks hold{unknown}")
    return int(bool(faults))


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp verify", description="Compare a stored run with its files, its data and what is installed now."
    )
    parser.add_argument("run", help="the run's id, or the beginning of it")
    add_store(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser

"""``rexp sweep``: where the sweeps of a store stand."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace

from rexp.cli.verbs import Arguments, add_store
from rexp.errors import visible
from rexp.store.store import Store
from rexp.sweep.ledger import Ledger, are_readable, find, sweeps, this_process
from rexp.sweep.progress import summary
from rexp.sweep.status import JobState, counts, differing, seconds_left, states

SHOWN = 10
"""Failures that are listed unless all are asked for."""


def main(argv: list[str]) -> int:
    """Tell of one sweep, or list all; exit code 1 where a result of the store, or a line of the ledger, is damaged.

    Raises:
        StoreError: there is no sweep, or none of that name.
    """
    options = arguments().parse_args(argv)
    store = Store(options.store)
    for _ in store.briefs():
        pass  # which says what is damaged
    told = sweeps(store.root) if options.verb == "list" else [find(store.root, options.sweep)]
    jobs = [_states(ledger, store) for ledger in told]
    if options.json:
        facts = list(map(_facts, told, jobs))
        print(json.dumps(facts if options.verb == "list" else facts[0], indent=2))
    elif options.verb == "list":
        _list(told, jobs)
    else:
        _tell(told[0], jobs[0], None if options.all else SHOWN)
    lines_left_out = any(ledger.is_damaged(job.number) for ledger, own in zip(told, jobs, strict=True) for job in own)
    return int(bool(store.damaged) or lines_left_out or not are_readable(store.root))


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(prog="rexp sweep", description="Where the sweeps of a store stand.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="{status,list}")
    status = verbs.add_parser("status", help="done, running, failed, to do; the time left; what failed")
    status.add_argument("--sweep", metavar="NAME", help="the beginning of its name (default: the last one)")
    status.add_argument("--all", action="store_true", help=f"all failures, not the first {SHOWN}")
    every = verbs.add_parser("list", help="all sweeps, the last one at the end")
    for verb in (status, every):
        add_store(verb, bare=True)
        verb.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _states(ledger: Ledger, store: Store) -> list[JobState]:
    """As the ledger has them; what is done is not done any more where the store says that it is damaged."""
    return [
        replace(job, status="to do") if job.status == "done" and job.run in store.damaged else job
        for job in states(ledger)
    ]


def _list(ledgers: Sequence[Ledger], jobs: Sequence[Sequence[JobState]]) -> None:
    for ledger, own in zip(ledgers, jobs, strict=True):
        far = summary(own, ledger.workers)
        print(f"{ledger.name}  {ledger.began[:16].replace('T', ' ')}  {far}  {visible(_command(ledger))}")


def _tell(ledger: Ledger, jobs: Sequence[JobState], most: int | None) -> None:
    computed = sum(job.computed for job in jobs)
    print(f"sweep {ledger.name}, begun {ledger.began[:16].replace('T', ' ')} UTC: {visible(_command(ledger))}")
    print(f"{summary(jobs, ledger.workers)} · {computed} computed here")
    words = differing(ledger.jobs)
    failed = [job for job in jobs if job.status in ("failed", "interrupted")]
    for job in failed[:most]:
        line = f"{job.status}  job {job.number}  {words[job.number]}: {_reason(job)}  ({ledger.log_file(job.number)})"
        print(visible(line))
    if most and len(failed) > most:
        print(f"and {len(failed) - most} more: --all")
    number = counts(jobs)
    if number["done"] < len(jobs) and not number["running"] and not _goes_on(ledger):
        print("nothing of it is running; the same command goes on with what is not done")


def _goes_on(ledger: Ledger) -> bool:
    """Whether the command is at work, between two jobs; of another host's nothing is known."""
    host, process = ledger.owner
    if host != this_process()[0]:
        return False
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # it is another user's
    return True


def _reason(job: JobState) -> str:
    return (job.error or "its process was stopped, or died").splitlines()[0]


def _facts(ledger: Ledger, jobs: Sequence[JobState]) -> dict[str, object]:
    return {
        "name": ledger.name,
        "began": ledger.began,
        "command": ledger.command,
        "round": ledger.round,
        "workers": ledger.workers,
        "counts": counts(jobs),
        "seconds_left": seconds_left(jobs, ledger.workers),
        "jobs": [asdict(job) for job in jobs],
    }


def _command(ledger: Ledger) -> str:
    return shlex.join(["rexp", *ledger.command])

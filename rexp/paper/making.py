"""The runs of a paper: made now, or gathered from stores; each is recorded as soon as it is done."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, RexpError
from rexp.paper.record import Record, merged, read_records, record_of, write_records
from rexp.paper.references import references, resolved

if TYPE_CHECKING:
    from rexp.paper.paper import Paper, PaperRow
    from rexp.store.store import Store


def chosen(paper: Paper, patterns: Sequence[str] | None) -> list[PaperRow]:
    """The rows whose names fit one of the patterns (``htd*``), and those that they refer to, which come first.

    Raises:
        ConfigError: a pattern that fits no row.
    """
    names = [row.name for row in paper.rows]
    for pattern in patterns or ():
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(f"paper {paper.name} has no row '{pattern}'; it has: {', '.join(names)}")
    wanted = [row for row in paper.rows if patterns is None or any(fnmatchcase(row.name, p) for p in patterns)]
    needed = {name for row in wanted for name in references(row.run)}
    return [*(row for row in paper.rows if row.name in needed and row not in wanted), *wanted]


def make(paper: Paper, rows: Sequence[PaperRow], more: Sequence[str], file: Path | None) -> tuple[list[Record], int]:
    """Run what is not done yet, row by row.

    Args:
        paper, rows: see :func:`chosen`.
        more: further overrides of every run, such as ``paths.store=FOLDER``.
        file: where records are kept; None keeps none.

    Returns:
        the records, and how many runs failed.
    """
    from rexp.config.compose import composed, composing
    from rexp.run import run

    jobs = list(_jobs(paper, rows))
    made: dict[tuple[str, int], str] = {}
    records: list[Record] = []
    failed = 0
    for number, (row, seed) in enumerate(jobs, 1):
        print(f"{paper.name} {number}/{len(jobs)}: {row.name}, seed {seed}", file=sys.stderr)
        refers = {name: made.get((name, seed)) for name in references(row.run)}
        if missing := [name for name, known in refers.items() if known is None]:
            print(f"rexp: {row.name} is left out, for its part '{missing[0]}' failed", file=sys.stderr)
            failed += 1
            continue
        runs = {name: known for name, known in refers.items() if known is not None}
        try:
            with composing():
                job = composed([*resolved(paper.overrides(row, seed), runs.__getitem__), *more])
            outcome = run(job.config, job.labels, group=paper.name, sweeping=True)
        except RexpError as error:
            if error.exit_code not in (1, 2):
                raise  # interrupted: the rest is left for the next time
            print(f"rexp: {error}", file=sys.stderr)
            failed += 1
            continue
        made[row.name, seed] = outcome.result["run_id"]
        records.append(record_of(paper, row, outcome.result, _manifest(outcome.store, outcome.result["run_id"]), runs))
        if file:
            write_records(file, paper, merged(read_records(file), records[-1:]))
    return records, failed


def gather(paper: Paper, rows: Sequence[PaperRow], stores: Sequence[Store], file: Path) -> list[Record]:
    """Record the runs that are in these stores already; see :class:`rexp.paper.match.Stored`."""
    from rexp.paper.match import Stored

    stored = Stored(stores)
    made: dict[tuple[str, int], str] = {}
    records: list[Record] = []
    for row, seed in _jobs(paper, rows):
        runs = {name: made[name, seed] for name in references(row.run) if (name, seed) in made}
        if len(runs) < len(set(references(row.run))):
            continue
        try:
            found = stored.find(paper.overrides(row, seed), runs)
        except ConfigError as error:  # of this row; the others can be found all the same
            print(f"rexp: {row.name}: {error}", file=sys.stderr)
            continue
        if found is None:
            continue
        store, result = found
        made[row.name, seed] = result["run_id"]
        records.append(record_of(paper, row, result, _manifest(store, result["run_id"]), runs))
    write_records(file, paper, merged(read_records(file), records))
    return records


def _jobs(paper: Paper, rows: Sequence[PaperRow]) -> Iterator[tuple[PaperRow, int]]:
    return ((row, seed) for row in rows for seed in paper.seeds_of(row))


def _manifest(store: Store, run: str) -> dict[str, object]:
    import json

    found: dict[str, object] = json.loads((store.directory(run) / "manifest.json").read_text(encoding="utf-8"))
    return found

"""Reproduction of a paper's rows: run now, or collected from stores, and recorded as they finish."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.errors import ConfigError, RexpError
from rexp.experiment.outcome import Outcome
from rexp.experiment.run import run
from rexp.hydra.compose import compose_job, hydra_session
from rexp.io.text import fail, say
from rexp.paper.find_runs import RunIndex
from rexp.paper.paper import candidates
from rexp.paper.record import PaperRecord, merge_records, read_records, record_of, write_records
from rexp.paper.references import references, resolved
from rexp.paper.tuning import Tunings, locked
from rexp.paper.users import keep_users

if TYPE_CHECKING:
    from rexp.io.json_types import Json
    from rexp.paper.paper import Paper, PaperRow
    from rexp.store.store import Store


def select_rows(paper: Paper, patterns: Sequence[str] | None) -> list[PaperRow]:
    """The rows whose names match a pattern (``htd*``), each after the rows that it depends on.

    Args:
        paper: with the rows.
        patterns: of their names, split at commas; those of a name with commas are put together again. None takes all.

    Raises:
        ConfigError: a pattern that fits no row.
    """
    if patterns is not None:
        patterns = list(_rejoined(paper, patterns))
    found: dict[str, PaperRow] = {}

    def add(row: PaperRow, behind: tuple[str, ...] = ()) -> None:
        if row.name in behind:
            raise ConfigError(f"paper {paper.name}: {' builds on '.join((*behind, row.name))}")
        if row.name not in found:
            for other in built_on(paper, row):
                add(other, (*behind, row.name))
            found[row.name] = row

    for row in paper.rows:
        if patterns is None or any(fnmatchcase(row.name, pattern) for pattern in patterns):
            add(row)
    return list(found.values())


def select_seeds(paper: Paper, rows: Sequence[PaperRow], seeds: Sequence[int] | None) -> list[PaperRow]:
    """The rows with these of their seeds alone; one that has none of them, as a teacher of one seed, keeps its own.

    Args:
        paper, rows: see :func:`select_rows`.
        seeds: None takes all.

    Raises:
        ConfigError: a seed that no row has.
    """
    if seeds is None:
        return list(rows)
    known = {seed for row in rows for seed in paper.seeds_of(row)}
    if unknown := [seed for seed in seeds if seed not in known]:
        raise ConfigError(f"paper {paper.name} has no seed {unknown[0]}; it has: {', '.join(map(str, sorted(known)))}")
    asked = ([seed for seed in paper.seeds_of(row) if seed in seeds] for row in rows)
    return [replace(row, seeds=tuple(few or paper.seeds_of(row))) for row, few in zip(rows, asked, strict=True)]


def _rejoined(paper: Paper, parts: Sequence[str]) -> Iterator[str]:
    """As many parts together as fit a row: ``mf, kd`` is one where a row has that name, else two."""
    names = [row.name for row in paper.rows]
    while parts:
        joined = ((", ".join(parts[:end]), end) for end in range(len(parts), 0, -1))
        fits = next(((text, end) for text, end in joined if any(fnmatchcase(name, text) for name in names)), None)
        if fits is None:
            raise ConfigError(f"paper {paper.name} has no row '{parts[0]}'; it has: {', '.join(names)}")
        yield fits[0]
        parts = parts[fits[1] :]


def built_on(paper: Paper, row: PaperRow) -> list[PaperRow]:
    """The rows that must be made before this one."""
    named = [*references(row.run), *([] if row.values is None else [row.values])]
    return [*map(paper.row, named), *(candidates(paper, row) if row.best_of else ())]


def run_rows(
    paper: Paper, rows: Sequence[PaperRow], more: Sequence[str], file: Path, tunings: Tunings
) -> tuple[list[PaperRecord], int]:
    """Search and run what is not done yet, row by row.

    Args:
        paper, rows: see :func:`select_rows` and :func:`select_seeds`.
        more: further overrides of every run, such as ``paths.store=FOLDER``.
        file: where records are kept.
        tunings: what was found for rows whose values are searched.

    Returns:
        the records, and how many runs failed.
    """
    jobs = list(_jobs(paper, rows))
    made = Made(tunings)
    records: list[PaperRecord] = []
    failed = 0
    for number, (row, seed) in enumerate(jobs, 1):
        say(f"{paper.name} {number}/{len(jobs)}: {row.name}, seed {seed}")
        refers = {name: made.run(name, seed) for name in references(row.run)}
        if missing := [name for name, known in refers.items() if known is None]:
            fail(f"{row.name} is left out, for its part '{missing[0]}' failed")
            failed += 1
            continue
        runs = {name: known for name, known in refers.items() if known is not None}
        try:
            if row.values is not None and tunings.of(paper.row(row.values)) is None:
                raise ConfigError(f"it takes the values of {row.values}, which has none yet")
            tuned = tunings.search(row, runs, more) if row.tune else tunings.of(row)
            overrides = paper.overrides(row, seed, tuned.values if tuned else ())
            outcome = _run(paper, [*resolved(overrides, runs.__getitem__), *more])
        except RexpError as error:
            if error.exit_code not in (1, 2):
                raise  # interrupted: the rest is left for the next time
            fail(f"{row.name}: {error}")
            failed += 1
            continue
        made.add(row, seed, outcome)
        manifest = _manifest(outcome.store, outcome.result.run_id)
        records.append(record_of(row, outcome.result, manifest, runs, overrides, tuned))
        with locked(file):
            write_records(file, paper, merge_records(read_records(file), records[-1:]))
            if row.group and seed == paper.seeds_of(row)[-1]:
                keep_users(file, paper, row, made.of(row))
    return records, failed


class Made:
    """The runs that were made, by row and seed."""

    def __init__(self, tunings: Tunings) -> None:
        self._tunings = tunings
        self._made: dict[str, dict[int, Outcome]] = {}

    def add(self, row: PaperRow, seed: int, outcome: Outcome) -> None:
        self._made.setdefault(row.name, {})[seed] = outcome

    def of(self, row: PaperRow) -> dict[int, Outcome]:
        return self._made[row.name]

    def run(self, name: str, seed: int) -> str | None:
        """The id of a row's run under this seed, or of its only one; of what the row stands for."""
        stands_for = self._tunings.stands_for(name)
        runs = self._made.get(stands_for or "", {})
        outcome = runs.get(seed) or (next(iter(runs.values())) if len(runs) == 1 else None)
        return outcome.result.run_id if outcome else None


def _run(paper: Paper, overrides: Sequence[str]) -> Outcome:
    with hydra_session():
        job = compose_job(overrides)
    return run(job, group=paper.name, sweeping=True)


def collect_rows(
    paper: Paper, rows: Sequence[PaperRow], stores: Sequence[Store], file: Path, tunings: Tunings
) -> list[PaperRecord]:
    """PaperRecord the runs that are in these stores already; see :class:`rexp.paper.find_runs.RunIndex`."""
    stored = RunIndex(stores)
    made = Made(tunings)
    records: list[PaperRecord] = []
    for row, seed in _jobs(paper, rows):
        refers = {name: made.run(name, seed) for name in references(row.run)}
        runs = {name: known for name, known in refers.items() if known is not None}
        tuned = tunings.of(row)
        if len(runs) < len(refers) or (tuned is None and (row.tune or row.values)):
            continue
        overrides = paper.overrides(row, seed, tuned.values if tuned else ())
        try:
            found = stored.find(overrides, runs)
        except ConfigError as error:  # of this row; the others can be found all the same
            fail(f"{row.name}: {error}")
            continue
        if found is None:
            continue
        store, result = found
        made.add(row, seed, Outcome(result, cached=True, store=store))
        records.append(record_of(row, result, _manifest(store, result.run_id), runs, overrides, tuned))
        if row.group and seed == paper.seeds_of(row)[-1]:
            keep_users(file, paper, row, made.of(row))
    write_records(file, paper, merge_records(read_records(file), records))
    return records


def _jobs(paper: Paper, rows: Sequence[PaperRow]) -> Iterator[tuple[PaperRow, int]]:
    return ((row, seed) for row in rows if not row.best_of for seed in paper.seeds_of(row))


def _manifest(store: Store, run: str) -> Json:
    found: Json = json.loads((store.directory(run) / "manifest.json").read_text(encoding="utf-8"))
    return found

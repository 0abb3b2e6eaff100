"""Reproduction of a paper's rows: run now, or collected from stores, and recorded as they finish."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
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
from rexp.paper.record import PaperRecord, command_of, merge_records, read_records, record_of, write_records
from rexp.paper.references import references, resolved
from rexp.paper.tuning import Tunings, locked
from rexp.paper.users import keep_users
from rexp.train.config import IDENTITY_OF_DEVICE, DeviceConfig
from rexp.tune.experiment_file import kept

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
        if patterns is None or any(_fits(row.name, pattern) for pattern in patterns):
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
    """As many parts together as are a row's name: ``mf, kd`` is one where a row is called so, else two. A pattern is
    never put together with another part, for ``a*, b`` would take other rows than the two of them."""
    names = [row.name for row in paper.rows]
    while parts:
        joined = {end: ", ".join(parts[:end]) for end in range(len(parts), 0, -1)}
        taken = next((end for end, text in joined.items() if text in names), 1)
        if not any(_fits(name, joined[taken]) for name in names):
            raise ConfigError(f"paper {paper.name} has no row '{parts[0]}'; it has: {', '.join(names)}")
        yield joined[taken]
        parts = parts[taken:]


def _fits(name: str, pattern: str) -> bool:
    """Whether a row is called so, or as the pattern says; a name itself may look like a pattern."""
    return name == pattern or fnmatchcase(name, pattern)


def built_on(paper: Paper, row: PaperRow) -> list[PaperRow]:
    """The rows that must be made before this one."""
    named = [*references(row.run), *([] if row.values is None else [row.values])]
    return [*map(paper.row, named), *(candidates(paper, row) if row.best_of else ())]


def check_overrides(words: Sequence[str]) -> None:
    """Refuse overrides that make other runs than those that the paper's file asks for.

    Raises:
        ConfigError: naming the first one.
    """
    not_of_runs = {f"train.{item.name}" for item in fields(DeviceConfig) if item.name not in IDENTITY_OF_DEVICE}
    for word in kept(words):
        if word.lstrip("+~").partition("=")[0] not in not_of_runs:
            raise ConfigError(
                f"{word}: that would be another run than the paper's file asks for, recorded as the row's; write it "
                "into a paper's file of your own, or try it with --quick, which records nothing"
            )


def run_rows(
    paper: Paper, rows: Sequence[PaperRow], more: Sequence[str], file: Path, tunings: Tunings
) -> tuple[list[PaperRecord], int]:
    """Search and run what is not done yet, row by row.

    Args:
        paper, rows: see :func:`select_rows` and :func:`select_seeds`.
        more: further overrides of every run, such as ``paths.store=FOLDER``; see :func:`check_overrides`.
        file: where records are kept.
        tunings: what was found for rows whose values are searched.

    Returns:
        the records, and how many runs failed.
    """
    jobs = list(_jobs(paper, rows))
    made = Made(paper, tunings)
    records: list[PaperRecord] = []
    failed = 0
    for number, (row, seed) in enumerate(jobs, 1):
        say(f"{paper.name} {number}/{len(jobs)}: {row.name}, seed {seed}")
        refers = {name: made.run(name, seed) for name in references(row.run)}
        if missing := [name for name, known in refers.items() if known is None]:
            fail(f"{row.name} is left out, for its part '{missing[0]}' has no run with seed {seed}")
            failed += 1
            continue
        runs = {name: known for name, known in refers.items() if known is not None}
        try:
            if row.values is not None and tunings.of(paper.row(row.values)) is None:
                raise ConfigError(f"it takes the values of {row.values}, which has none yet")
            tuned = tunings.search(row, made.first(row), more) if row.tune else tunings.of(row)
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
            known = merge_records(read_records(file), records[-1:])
            write_records(file, paper, known)
            if row.group and seed == paper.seeds_of(row)[-1]:
                keep_users(file, paper, row, made.of(row, known))
    return records, failed


class Made:
    """The runs that were made, by row and seed.

    Args:
        paper: whose rows they are of.
        tunings: what was found for rows whose values are searched.
    """

    def __init__(self, paper: Paper, tunings: Tunings) -> None:
        self._paper, self._tunings = paper, tunings
        self._made: dict[str, dict[int, Outcome]] = {}

    def add(self, row: PaperRow, seed: int, outcome: Outcome) -> None:
        self._made.setdefault(row.name, {})[seed] = outcome

    def of(self, row: PaperRow, records: Iterable[PaperRecord]) -> dict[int, Outcome]:
        """A row's runs by seed: those made here, and of the other seeds those that lie beside them in their store.

        Args:
            row: whose runs are asked for; none where none is made here.
            records: of all rows, with the runs of other commands; one that was made by other words is left out.
        """
        made = self._made.get(row.name, {})
        if not made:
            return {}
        store, tuned = next(iter(made.values())).store, self._tunings.of(row)
        found = tuned.values if tuned else ()
        seeds = self._paper.seeds_of(self._paper.row(row.name))
        commands = {seed: command_of(self._paper.overrides(row, seed, found)) for seed in seeds}
        own = [record for record in records if record.row == row.name and record.command == commands.get(record.seed)]
        there = [record for record in own if store.status(record.run) == "done"]
        return {record.seed: Outcome(store.result(record.run), cached=True, store=store) for record in there} | made

    def run(self, name: str, seed: int) -> str | None:
        """The id of a row's run under this seed, or of the only one that the row asks for; of what the row stands for.

        None where there is none: that of another seed would be another teacher than the file says.
        """
        stands_for = self._tunings.stands_for(name)
        if stands_for is None:
            return None
        seeds = self._paper.seeds_of(self._paper.row(stands_for))
        outcome = self._made.get(stands_for, {}).get(seeds[0] if len(seeds) == 1 else seed)
        return outcome.result.run_id if outcome else None

    def first(self, row: PaperRow) -> Callable[[str], str]:
        """What a row's search refers to: runs of the row's first seed, whichever of its seeds are run now.

        Returns:
            the id of a row's run by its name; it raises ConfigError where there is none.
        """
        seed = self._paper.seeds_of(self._paper.row(row.name))[0]

        def run_of(name: str) -> str:
            if found := self.run(name, seed):
                return found
            raise ConfigError(f"its search learns from '{name}' with seed {seed}, which is not run; run that seed, too")

        return run_of


def _run(paper: Paper, overrides: Sequence[str]) -> Outcome:
    with hydra_session():
        job = compose_job(overrides)
    return run(job, group=paper.name, sweeping=True)


def collect_rows(
    paper: Paper, rows: Sequence[PaperRow], stores: Sequence[Store], file: Path, tunings: Tunings
) -> list[PaperRecord]:
    """Record the runs that are in these stores already; see :class:`rexp.paper.find_runs.RunIndex`."""
    stored = RunIndex(stores)
    made = Made(paper, tunings)
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
    with locked(file):
        known = merge_records(read_records(file), records)
        write_records(file, paper, known)
        for row in rows:
            if row.group:
                keep_users(file, paper, row, made.of(row, known))
    return records


def _jobs(paper: Paper, rows: Sequence[PaperRow]) -> Iterator[tuple[PaperRow, int]]:
    return ((row, seed) for row in rows if not row.best_of for seed in paper.seeds_of(row))


def _manifest(store: Store, run: str) -> Json:
    found: Json = json.loads((store.directory(run) / "manifest.json").read_text(encoding="utf-8"))
    return found

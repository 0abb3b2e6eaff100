"""Tuned values of rows, chosen on the validation split and committed with the records.

Whoever makes the runs again takes these values and searches nothing, as long as the file asks for the same search.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from filelock import FileLock

from rexp.config.job import read
from rexp.errors import ConfigError
from rexp.hydra.compose import hydra_session
from rexp.io.atomic import write_text
from rexp.metrics.direction import higher_is_better
from rexp.paper.paper import candidates, space_of
from rexp.paper.references import references, resolved
from rexp.store.identity import alias_key
from rexp.store.store import Store
from rexp.tune.experiment_file import kept
from rexp.tune.search import common, search
from rexp.tune.trials import Budget, busy_seconds

if TYPE_CHECKING:
    from rexp.paper.paper import Paper, PaperRow


@dataclass(frozen=True)
class Tuned:
    """Result of a search.

    Args:
        row: that it was made for.
        search: what was searched, as a digest; another one asks for another search.
        values: the best trial's, as words of the command line, behind those that all its trials had from another row.
        metric: that was compared.
        value: the best trial's, on the validation part.
        trial: its number.
        trials: every trial's state and value by number.
        seconds: of the search.
    """

    row: str
    search: str
    values: tuple[str, ...]
    metric: str
    value: float
    trial: int
    trials: tuple[tuple[str, float | None], ...]
    seconds: float


class Tunings:
    """The searches of a paper, in ``results/papers/NAME.tuned.json``.

    Args:
        paper: whose rows they are for.
        file: where they are kept.
        trials: of each search, where they are not as many as the paper says.
    """

    def __init__(self, paper: Paper, file: Path, trials: int | None = None) -> None:
        self._paper, self._file, self._trials = paper, file, trials
        self._read()

    def of(self, row: PaperRow) -> Tuned | None:
        """Tuned values of a row, or of the row whose values it takes; None before its search."""
        if row.name not in self._valid:
            self._valid[row.name] = self._find(self._paper.row(row.name))
        return self._valid[row.name]

    def stands_for(self, name: str) -> str | None:
        """The row itself, or the best of its candidates on validation; None before all of them were searched."""
        row = self._paper.row(name)
        if not row.best_of:
            return name
        asked = candidates(self._paper, row)
        found = [tuned for tuned in map(self.of, asked) if tuned is not None]
        if len(found) < len(asked):
            return None
        lower = higher_is_better(found[0].metric) is False
        return (min if lower else max)(found, key=lambda tuned: tuned.value).row

    def search(self, row: PaperRow, run_of: Callable[[str], str], more: Sequence[str]) -> Tuned:
        """Tune a row, or return the values found earlier.

        Args:
            row: with keys to search.
            run_of: the id of the run of a row that it refers to, under the first of its own seeds.
            more: further overrides of every run.

        Raises:
            RexpError: a row that it refers to has no such run, or no trial came to a value.
        """
        self._read()
        if known := self.of(row):
            return known
        row = self._paper.row(row.name)  # with all its seeds: the first of them is searched with, whichever are run
        if find_spec("optuna") is None:
            raise ConfigError("it is tuned, which needs optuna: pip install 'rexp-recsys[tune]'")
        from rexp.tune.study import Study

        space = space_of(self._paper, row, self._trials)
        taken = self._taken(row)
        asked = self._paper.overrides(row, self._paper.seeds_of(row)[0], taken)
        asked = [*resolved(asked, run_of), *more]
        with hydra_session():
            overrides, base = common(space, asked)
            request = read(base)
            store = Store(request.store)
            store.check_writable()
            name = alias_key({"overrides": kept(overrides), "space": asdict(space.file), "code": request.code()})[:12]
            # One process at a time: another one would end the search with a trial of its own still under way.
            with (
                store.lock(f"search-{name}"),
                closing(Study(request.store / ".tune" / f"{self._paper.name}-{name}", space)) as study,
            ):
                self._read()
                if known := self.of(row):
                    return known
                budget = Budget(space.file.trials, space.file.minutes)
                search(study, store, request, overrides, budget, sweeping=True)
                tried = study.trials()
                if not study.ranked():
                    rmtree(study.folder)  # what failed is tried again the next time
                    raise ConfigError(f"no trial came to a value; the last one: {tried[-1].error}")
                best = study.ranked()[0]
                assert best.value is not None
                others = [word for word in taken if word.partition("=")[0] not in space.keys]
                found = Tuned(
                    row=row.name,
                    search=self._digest(row),
                    values=(*others, *space.overrides(best.parameters)),
                    metric=study.metric,
                    value=best.value,
                    trial=best.number,
                    trials=tuple((trial.state, trial.value) for trial in tried),
                    seconds=round(busy_seconds(tried), 1),
                )
        self._keep(found)
        return found

    # Inside

    def _read(self) -> None:
        """Read the file, to which another process may have added."""
        self._kept = read_tuned(self._file)
        self._valid: dict[str, Tuned | None] = {}

    def _find(self, row: PaperRow) -> Tuned | None:
        if not row.tune:
            return None if row.values is None else self.of(self._paper.row(row.values))
        found = self._kept.get(row.name)
        return found if found is not None and found.search == self._digest(row) else None

    def _digest(self, row: PaperRow) -> str:
        """Of what is searched; what a best row stands for is part of it, the id of its run is not."""
        space = asdict(space_of(self._paper, row, self._trials).file)
        run = self._paper.overrides(row, self._paper.seeds_of(row)[0], self._taken(row))
        stands = {name: self.stands_for(name) for name in references(run)}
        return alias_key({"run": run, "space": space, "refers": stands})[:16]

    def _taken(self, row: PaperRow) -> tuple[str, ...]:
        """Values of the row that it takes some of."""
        found = None if row.values is None else self.of(self._paper.row(row.values))
        return found.values if found else ()

    def _keep(self, found: Tuned) -> None:
        with locked(self._file):
            known = {**read_tuned(self._file), found.row: found}
            # Rows that this paper does not know may be another process's, whose file has more of them.
            names = dict.fromkeys([*(row.name for row in self._paper.rows), *known])
            kept = {name: _plain(known[name]) for name in names if name in known}
            write_text(self._file, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
        self._read()


def read_tuned(file: Path) -> dict[str, Tuned]:
    """The searches of a file by row; none where there is no file.

    Raises:
        ConfigError: it holds something else.
    """
    if not file.exists():
        return {}
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {
            row: Tuned(
                row=row,
                **{**found, "values": tuple(found["values"]), "trials": tuple(map(tuple, found["trials"]))},
            )
            for row, found in kept.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{file} holds no searches ({error}); take the file back from where it came") from error


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time reads and writes a file of results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):
        yield


def _plain(found: Tuned) -> dict[str, object]:
    return {key: value for key, value in asdict(found).items() if key != "row"}

"""A paper as its file in ``conf/paper`` has it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError, did_you_mean
from rexp.io.yaml import read_yaml
from rexp.paper.grid import SEPARATOR, expanded
from rexp.paper.references import references
from rexp.plugins.conf_dirs import conf_folders
from rexp.tune.search_space import make_space

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView
    from rexp.tune.search_space import Space


@dataclass(frozen=True)
class PaperRow:
    """One row of a published table, and the run that makes it.

    Args:
        name: of the row.
        run: overrides of its run, beside the paper's; ``<other row>`` stands for the run id of that row under the same
            seed.
        experiment: a file in ``conf/experiment``, where it is another than the paper's.
        published: values by metric; none for a row that only serves others, or that has no published counterpart.
        tolerance: of the difference, where it is another than the paper's.
        source: of the values, where it is another than the paper's.
        unverified: the values were not read at their source; they are shown and decide nothing.
        seeds: where they are others than the paper's.
        group: the table of a study that it stands in, where it is part of one.
        tune: keys that are searched before its runs, as :mod:`rexp.tune.distributions` has them; empty searches none.
        values: the row whose found values it takes, before what is searched for it itself.
        best_of: patterns of names; such a row has no runs and stands for the one of them that is best on validation.
        plain, control: rows that it is compared with, where they are others than the group's.
    """

    name: str
    run: tuple[str, ...] = ()
    experiment: str | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    tolerance: float | None = None
    source: str | None = None
    unverified: bool = False
    seeds: tuple[int, ...] | None = None
    group: str = ""
    tune: JsonView = field(default_factory=dict)
    values: str | None = None
    best_of: tuple[str, ...] = ()
    plain: str | None = None
    control: str | None = None

    @property
    def short(self) -> str:
        """The name within its group."""
        return self.name.removeprefix(f"{self.group}{SEPARATOR}") if self.group else self.name


@dataclass(frozen=True)
class Group:
    """One table of a study.

    Args:
        name: of the table; its rows' names begin with it.
        plain: the row that a gap is measured from, and that the others are tested against.
        control: a further row that they are tested against.
        teacher: the row that a gap is measured to.
        share_of: the row of which the others keep a share, by default ``teacher``.
        dense: the row whose bytes the others are compared with, by default ``plain``.
        within: names the simplest row whose first metric is within this share of the best; rows stand from the simplest
            on.
        ranked: it counts for the mean ranks.
    """

    name: str
    plain: str | None = None
    control: str | None = None
    teacher: str | None = None
    share_of: str | None = None
    dense: str | None = None
    within: float | None = None
    ranked: bool = True


@dataclass(frozen=True)
class Quick:
    """A run of the plumbing, whose numbers mean nothing.

    Args:
        rows: names of the rows that take part.
        overrides: what makes them short.
        trials: of their searches.
    """

    rows: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    trials: int = 1


@dataclass(frozen=True)
class Paper:
    """A published table.

    Args:
        name: of its file.
        title: of the paper, with authors and venue.
        source: where the values were read.
        experiment: the file in ``conf/experiment`` that holds data, protocol and settings.
        tolerance: by which the mean over seeds may differ.
        rows: of the table.
        quick: see :class:`Quick`.
        seeds: of every row.
        orders: names of rows whose first metric must fall from one to the next.
        shown: metrics of rows without published values, by default those that were published of others.
        notes: what a reader should know, misses above all (Markdown).
        groups: tables of a study, which has no published values; every row is in one of them.
        search: what the searches of all rows have in common: trials, metric, sampler, prune; see
            :class:`rexp.tune.search_space.SpaceFile`.
    """

    name: str
    title: str
    source: str
    tolerance: float
    rows: tuple[PaperRow, ...]
    quick: Quick
    experiment: str | None = None
    seeds: tuple[int, ...] = (0,)
    orders: tuple[tuple[str, ...], ...] = ()
    shown: tuple[str, ...] = ()
    notes: str = ""
    groups: tuple[Group, ...] = ()
    search: JsonView = field(default_factory=dict)

    def row(self, name: str) -> PaperRow:
        """The row that is called so.

        Raises:
            ConfigError: none is.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise ConfigError(
            f"paper {self.name} has no row '{name}'; {did_you_mean(name, [row.name for row in self.rows])}"
        )

    def seeds_of(self, row: PaperRow) -> tuple[int, ...]:
        return self.seeds if row.seeds is None else row.seeds

    def tolerance_of(self, row: PaperRow) -> float:
        return self.tolerance if row.tolerance is None else row.tolerance

    def overrides(self, row: PaperRow, seed: int, found: Sequence[str] = ()) -> list[str]:
        """The command line of a row's run, with the values that a search found; references to other rows are left in
        it."""
        experiment = row.experiment or self.experiment
        return [*([f"experiment={experiment}"] if experiment else []), *row.run, *found, f"seed={seed}"]

    def rows_of(self, group: Group) -> list[PaperRow]:
        return [row for row in self.rows if row.group == group.name]

    @property
    def metrics(self) -> list[str]:
        """Metrics shown for rows without published values."""
        return list(self.shown or dict.fromkeys(metric for row in self.rows for metric in row.published))


def paper_files() -> dict[str, Path]:
    """Paper files by name: rexp's own, then those of plugins."""
    files = [file for folder in conf_folders() for file in sorted((folder / "paper").glob("*.yaml"))]
    found: dict[str, Path] = {}
    for file in files:
        found.setdefault(file.stem, file)
    return found


def load(name: str) -> Paper:
    """Read a paper's file.

    Args:
        name: of a paper that is installed, or the path of a file.

    Raises:
        ConfigError: there is none, or the file does not hold a paper.
    """
    known = paper_files()
    file = Path(name) if name.endswith(".yaml") else known.get(name)
    if file is None or not file.is_file():
        raise ConfigError(f"there is no paper '{name}'; {did_you_mean(name, known)}")
    return read(file)


def read(file: Path) -> Paper:
    """A paper from a file; see :class:`Paper`.

    Raises:
        ConfigError: naming the file, the place and what is wrong there.
    """
    node = read_yaml(file)
    where = file.name
    _require(isinstance(node, Mapping), where, "holds no mapping")
    node, groups = expanded({**node, "name": file.stem}, where)
    node["groups"] = tuple(Group(**_plain(Group, group, f"{where} group {group['name']}")) for group in groups)
    rows = [_read_row(row, f"{where} rows[{place}]") for place, row in enumerate(_list(node, "rows", where))]
    node["rows"] = tuple(rows)
    node["quick"] = Quick(**_plain(Quick, node.get("quick") or {}, f"{where} quick"))
    node["orders"] = tuple(tuple(order) for order in node.get("orders") or ())
    paper = Paper(**_plain(Paper, node, where))
    _check(paper, where)
    return paper


def _read_row(node: Any, where: str) -> PaperRow:
    _require(isinstance(node, Mapping), where, "is no mapping")
    values = _plain(PaperRow, node, where)
    for metric, value in values.get("published", {}).items():
        _require(isinstance(value, int | float), where, f"published {metric}={value!r} is no number")
    return PaperRow(**values)


def _plain(kind: Any, node: JsonView, where: str) -> Json:
    """Checked keys, lists as tuples."""
    known = {item.name: item for item in fields(kind)}
    for key in node:
        _require_known(str(key), known, where, f"has no key '{key}'")
    for key, item in known.items():
        needed = item.default is MISSING and item.default_factory is MISSING
        _require(key in node or not needed, where, f"lacks '{key}'")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in node.items()}


def _list(node: JsonView, key: str, where: str) -> Sequence[Any]:
    value = node.get(key)
    _require(isinstance(value, list) and bool(value), where, f"needs a list of {key}")
    assert isinstance(value, list)
    return value


def _check(paper: Paper, where: str) -> None:
    names = [row.name for row in paper.rows]
    for name in names:
        _require(names.count(name) == 1, where, f"has two rows '{name}'")
    for name in [*paper.quick.rows, *(name for order in paper.orders for name in order), *_referred(paper)]:
        _require_known(name, names, where, f"names a row '{name}' that it does not have")
    for row in paper.rows:
        _require(bool(row.group) == bool(paper.groups), where, f"has a row '{row.name}' outside of its tables")
        if row.best_of:
            _require(not row.run and not row.tune, where, f"{row.name}: what is the best of others has no runs")
            _require(bool(candidates(paper, row)), where, f"{row.name}: no row is called {', '.join(row.best_of)}")
            for other in candidates(paper, row):
                _require(bool(other.tune), where, f"{row.name}: nothing is searched for {other.name} to compare")
        if row.values is not None:
            other = paper.row(row.values)
            _require(bool(other.tune or other.values), where, f"{row.name}: nothing is searched for {row.values}")
        if row.tune:
            space_of(paper, row)


def candidates(paper: Paper, row: PaperRow) -> list[PaperRow]:
    """The rows that a row may stand for."""
    with_runs = [other for other in paper.rows if not other.best_of]
    return [other for other in with_runs if any(fnmatchcase(other.name, pattern) for pattern in row.best_of)]


def space_of(paper: Paper, row: PaperRow, trials: int | None = None) -> Space:
    """Search space of a row, with the number of trials of the paper unless given.

    Raises:
        ConfigError: a key or values that cannot be searched, or words that are none of a search.
    """
    fewer = {} if trials is None else {"trials": trials}
    return make_space(Path(f"{paper.name}.yaml: {row.name}"), {**paper.search, **fewer, "space": dict(row.tune)})


def _referred(paper: Paper) -> Iterator[str]:
    for row in paper.rows:
        yield from references(row.run)
        yield from (name for name in (row.values, row.plain, row.control) if name is not None)
    for group in paper.groups:
        named = (group.plain, group.control, group.teacher, group.share_of, group.dense)
        yield from (name for name in named if name is not None)


def _require_known(name: str, known: Collection[str], where: str, text: str) -> None:
    """As :func:`_require`; the nearest known name is looked for only where it is told, for a study names thousands."""
    if name not in known:
        raise ConfigError(f"{where} {text}; {did_you_mean(name, known)}")


def _require(condition: bool, where: str, text: str) -> None:
    if not condition:
        raise ConfigError(f"{where} {text}")

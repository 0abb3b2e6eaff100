"""Tables of a study: each row against the plain model, its control and the teacher, from committed records alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Literal

from rexp.paper.record import command_of
from rexp.paper.references import references
from rexp.paper.users import PRECISION
from rexp.report.statistics import ALPHA, holm, p_value

if TYPE_CHECKING:
    from rexp.paper.paper import Group, Paper, PaperRow
    from rexp.paper.record import PaperRecord
    from rexp.paper.tuning import Tunings
    from rexp.paper.users import Users
    from rexp.report.statistics import Array

Pair = tuple[str, str]
Verdict = Literal["own", "not run", "outdated", "differs"]
SMALLEST_GAP = 0.05
"""How far a teacher is ahead of the plain model at least, as a share, for a part of that way to mean anything."""
CONTROL = "compress.control_run=true"
"""In the words of a row: the recipe of a student without its teacher."""
NORMAL = 1.959964
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True)
class Tested:
    """One row against another: the mean difference over users, and the p-value after Holm's correction."""

    difference: float
    p: float

    @property
    def significant(self) -> bool:
        return self.p < ALPHA


@dataclass(frozen=True)
class Line:
    """A row of a study.

    Args:
        row: its short name.
        stands_for: the row that it is the best as, for one that has no runs.
        teacher: the row that it learned from; none of a control.
        valid: of the best trial of its search, by the first metric on the validation part.
        means: over seeds, by metric.
        interval: half of the 95 % interval of the first metric's mean over users.
        deviation: of the first metric, over seeds.
        share: of the first metric of the teacher, or of another row that the group names.
        gap: the part of the way from the plain model to the teacher.
        against_plain, against_control: tests, paired over users.
        epochs, bytes: means over seeds; the bytes of the file of weights.
        cpu_seconds: mean over the seeds that took no step from another run, whose time would not be counted.
        smaller: times smaller than the dense row.
        seeds, wanted: runs that are recorded, and those that are asked for.
        verdict: ``outdated`` where the file asks for other runs than were recorded, ``differs`` where the users' values
            and the records do not agree.
    """

    row: str
    stands_for: str = ""
    teacher: str = ""
    valid: float | None = None
    means: Mapping[str, float] | None = None
    interval: float | None = None
    deviation: float | None = None
    share: float | None = None
    gap: float | None = None
    against_plain: Tested | None = None
    against_control: Tested | None = None
    epochs: float | None = None
    cpu_seconds: float | None = None
    bytes: float | None = None
    smaller: float | None = None
    seeds: int = 0
    wanted: int = 0
    verdict: Verdict = "not run"


@dataclass(frozen=True)
class Table:
    """A group with its lines.

    Args:
        simplest: the best row and the simplest one within ``group.within`` of it, where that is asked.
        tests: how many p-values were corrected together.
        n_users: over whom the tests are.
        teacher: the first metric of the group's teacher.
        data: name of the data set that its rows are run on; empty while none is run.
    """

    group: Group
    lines: tuple[Line, ...]
    simplest: tuple[str, str] | None
    tests: int
    n_users: int
    teacher: float | None = None
    data: str = ""


class Study:
    """The recorded runs of a study.

    Args:
        paper: with groups.
        records: of its runs.
        users: values of every user.
        tunings: what was searched.
    """

    def __init__(self, paper: Paper, records: Sequence[PaperRecord], users: Users, tunings: Tunings) -> None:
        self.paper, self._users, self._tunings = paper, users, tunings
        self._records: dict[str, list[PaperRecord]] = {}
        for record in records:
            self._records.setdefault(record.row, []).append(record)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """One of each group."""
        return tuple(self._table(group) for group in self.paper.groups)

    def outdated(self) -> bool:
        """Some records, or values of users, are not those that the file asks for."""
        return any(line.verdict in ("outdated", "differs") for table in self.tables for line in table.lines)

    # Inside

    @property
    def _metric(self) -> str:
        return self.paper.metrics[0]

    def _table(self, group: Group) -> Table:
        rows = self.paper.rows_of(group)
        plain = [self._against(row, row.plain or group.plain) for row in rows]
        control = [self._against(row, row.control or group.control) for row in rows]
        tests = self._tests([*plain, *control])
        lines = [
            replace(
                self._line(group, row), against_plain=one and tests.get(one), against_control=two and tests.get(two)
            )
            for row, one, two in zip(rows, plain, control, strict=True)
        ]
        n_users = max((len(values) for row in rows if (values := self._values(row)) is not None), default=0)
        return Table(
            group,
            tuple(lines),
            self._simplest(group, lines),
            len({frozenset(pair) for pair in tests}),
            n_users,
            teacher=self._of(group.teacher),
            data=self._data(rows),
        )

    def _line(self, group: Group, row: PaperRow) -> Line:
        stands_for = self._tunings.stands_for(row.name)
        if row.best_of and stands_for is None:
            return Line(row.short)
        source = self.paper.row(stands_for or row.name)
        records = self._records.get(source.name, [])
        tuned = self._tunings.of(source)
        line = Line(
            row.short,
            stands_for=source.short if row.best_of else "",
            teacher=self._teacher(source),
            valid=tuned.value if tuned and source.tune else None,
            wanted=len(self.paper.seeds_of(source)),
        )
        if not records:
            return line
        values, size = self._values(source), self._cost(source.name, "weight_bytes")
        means = {metric: self._mean(source.name, metric) for metric in self.paper.metrics}
        return replace(
            line,
            means={metric: mean for metric, mean in means.items() if mean is not None},
            interval=None if values is None else NORMAL * float(values.std(ddof=1)) / math.sqrt(len(values)),
            share=_ratio(self._of(source.name), self._of(group.share_of or group.teacher)),
            gap=self._gap(source, row.plain or source.plain or group.plain, group.teacher),
            deviation=_deviation([record.metrics.get(self._metric) for record in records]),
            epochs=fmean(record.epochs or 0 for record in records) or None,
            cpu_seconds=_mean_of([record.cost["cpu_seconds"] for record in records if not record.reused]),
            bytes=size,
            smaller=_ratio(self._cost(group.dense or group.plain, "weight_bytes"), size),
            seeds=len(records),
            verdict=self._verdict(source, records, values),
        )

    def _teacher(self, row: PaperRow) -> str:
        if CONTROL in row.run:
            return ""
        names = [self._tunings.stands_for(name) or name for name in references(row.run)]
        return ", ".join(self.paper.row(name).short for name in names)

    def _gap(self, row: PaperRow, plain: str | None, teacher: str | None) -> float | None:
        own, low, high = self._of(row.name), self._of(plain), self._of(teacher)
        if own is None or low is None or high is None or high <= low * (1 + SMALLEST_GAP):
            return None
        return (own - low) / (high - low)

    def _verdict(self, row: PaperRow, records: Sequence[PaperRecord], values: Array | None) -> Verdict:
        tuned = self._tunings.of(row)
        if tuned is None and (row.tune or row.values):
            return "outdated"
        found = tuned.values if tuned else ()
        if any(record.command != command_of(self.paper.overrides(row, record.seed, found)) for record in records):
            return "outdated"
        mean = self._of(row.name)
        if values is not None and mean is not None and abs(float(values.mean()) - mean) > PRECISION * abs(mean):
            return "differs"
        return "own"

    def _against(self, row: PaperRow, name: str | None) -> Pair | None:
        """The row and the one that it is compared with; None where that is none, or the row itself."""
        other = self._stood_for(name)
        return None if row.best_of or other is None or other.name == row.name else (row.name, other.name)

    def _tests(self, pairs: Iterable[Pair | None]) -> dict[Pair, Tested]:
        """The tests of a table, all adjusted together.

        Args:
            pairs: rows to compare; those whose users have no values to compare are left out.
        """
        differences: dict[Pair, Array] = {}
        for pair in pairs:
            if pair is None:
                continue
            own, other = (self._values(self.paper.row(name)) for name in pair)
            if own is not None and other is not None and len(own) == len(other):
                differences[pair] = own - other
        # Control beside plain is the test of plain beside control: counted twice, it would make all others stricter.
        distinct = {frozenset(pair): difference for pair, difference in differences.items()}
        adjusted = holm([p_value(difference, "wilcoxon") for difference in distinct.values()])
        ps = dict(zip(distinct, adjusted, strict=True))
        return {pair: Tested(float(values.mean()), ps[frozenset(pair)]) for pair, values in differences.items()}

    def _data(self, rows: Sequence[PaperRow]) -> str:
        """The data set of a table's records."""
        return next((record.data["name"] for row in rows for record in self._records.get(row.name, [])), "")

    def _values(self, row: PaperRow) -> Array | None:
        """(n_users,) of a row all of whose seeds are recorded."""
        records = self._records.get(row.name, [])
        if not records or len(records) < len(self.paper.seeds_of(row)):
            return None
        return self._users.values(records[0].data["name"], row.name)

    def _stood_for(self, name: str | None) -> PaperRow | None:
        stands_for = None if name is None else self._tunings.stands_for(name)
        return None if stands_for is None else self.paper.row(stands_for)

    def _of(self, name: str | None) -> float | None:
        """The first metric of a row, or of what it stands for."""
        row = self._stood_for(name)
        return None if row is None else self._mean(row.name, self._metric)

    def _mean(self, name: str, metric: str) -> float | None:
        values = [record.metrics.get(metric) for record in self._records.get(name, [])]
        return _mean_of([float(value) for value in values if value is not None])

    def _cost(self, name: str | None, key: str) -> float | None:
        """Mean of a cost that all records of a row have."""
        row = self._stood_for(name)
        costs = [record.cost for record in self._records.get(row.name, [])] if row else []
        return fmean(cost[key] for cost in costs) if costs and all(key in cost for cost in costs) else None

    def _simplest(self, group: Group, lines: Sequence[Line]) -> tuple[str, str] | None:
        values = [(line.row, line.means[self._metric]) for line in lines if line.means and not line.stands_for]
        if group.within is None or not values:
            return None
        best, top = max(values, key=lambda pair: pair[1])
        return best, next(name for name, value in values if value >= (1 - group.within) * top)


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _mean_of(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _deviation(values: Sequence[float | None]) -> float | None:
    """Sample standard deviation of the values that are known, where there are two."""
    known = [value for value in values if value is not None]
    return stdev(known) if len(known) > 1 else None

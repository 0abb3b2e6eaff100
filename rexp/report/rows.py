"""Rows of a table: runs that differ in the seed or the fold alone are averaged, no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rexp.report.folds import Folds, by_fold, folds_of
from rexp.store.identity import canonical_json

if TYPE_CHECKING:
    from rexp.io.json_types import JsonView
    from rexp.report.statistics import Comparison
    from rexp.store.result import RunResult

ABSENT = "-"
WORDS = {None: "null", True: "true", False: "false"}
PARTS = ("metrics", "cost", "gate", "found", "beside")
"""Of a result: where columns come from."""


@dataclass(frozen=True)
class Cell:
    """Mean and sample standard deviation over seeds or folds that have a value; both NaN where there are too few."""

    mean: float
    sd: float
    n: int


@dataclass(frozen=True)
class Row:
    """Runs of one configuration.

    Args:
        labels: one text a row key.
        difference: what sets it apart from other rows with the same labels: ``model.factors=8``; or "".
        seeds, runs: one of each a run.
        config: the configuration, flat, without the seed.
        cells: by column.
        comparisons: with its baseline, by column; see :mod:`rexp.report.baseline`.
        is_baseline: it is called as baselines are.
        baseline: the name of the row that it is compared with, or "".
        unpaired: columns that would be compared, if it had a baseline.
        folds: where its runs are of several folds of one family.
    """

    labels: tuple[str, ...]
    difference: str
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    config: Mapping[str, str]
    cells: Mapping[str, Cell]
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    is_baseline: bool = False
    baseline: str = ""
    unpaired: frozenset[str] = frozenset()
    folds: Folds | None = None

    @property
    def n_seeds(self) -> int:
        return len(set(self.seeds))

    @property
    def n_folds(self) -> int:
        """0 where its runs are of one fold."""
        return len(set(self.folds.numbers)) if self.folds else 0


def make_rows(results: Sequence[RunResult], keys: Sequence[str], columns: Sequence[str]) -> list[Row]:
    """Rows in the order in which their runs first appear.

    Args:
        results: of one protocol on one data set, one a configuration and seed; see :func:`newest`.
        keys: labels (``model``) or dotted keys of the configuration (``model.factors``) that name a row.
        columns: metrics or costs.
    """
    rows: list[Row] = []
    for labels, alike in _group(results, lambda result: tuple(label(result, key) for key in keys)).items():
        variants = list(_group(alike, lambda result: result.configuration).values())
        configs = [_flat(_without_seed(runs[0].config)) for runs in variants]
        for runs, config, difference in zip(variants, configs, _differences(configs, named=set(keys)), strict=True):
            runs = sorted(runs, key=lambda result: (result.content.get("fold", 0), result.seed))
            folds = folds_of(runs, columns)
            cells = {column: _cell([value(result, column) for result in runs], folds) for column in columns}
            seeds = tuple(result.seed for result in runs)
            names = tuple(result.run_id for result in runs)
            rows.append(Row(labels, difference, seeds, names, config, cells, folds=folds))
    return rows


def newest(results: Sequence[RunResult]) -> list[RunResult]:
    """One result of each configuration and seed: the last that was finished, where the code has changed since."""
    groups = _group(results, lambda result: (result.configuration, result.seed, result.fingerprint))
    return [same[0] if len(same) == 1 else max(same, key=lambda run: run.finished) for same in groups.values()]


def label(result: RunResult, key: str) -> str:
    """A row's name by one key; ``-`` where the run has no such label or key."""
    if key == "run":
        return result.run_id
    if key == "data":
        return result.data_name
    if (choice := result.labels.get(key)) is not None:
        return str(choice)
    if key == "teacher" and (teacher := result.teacher):
        return f"{teacher['name']} {teacher['run_id']}"
    node: Any = result.config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    if isinstance(node, Mapping):
        node = node.get("name")
    return ABSENT if node is None else str(node)


def value(result: RunResult, column: str) -> float | None:
    """A metric, else a cost, else what the run keeps of its teacher (``share``, ``pass99``); None where it has none."""
    content = result.content
    for part in PARTS:
        found = content.get(part, {}).get(column)
        if isinstance(found, int | float):
            return float(found)
    return None


def _cell(values: Sequence[float | None], folds: Folds | None) -> Cell:
    """Over seeds; or over folds, of each the mean over its seeds."""
    return over_seeds(values if folds is None else by_fold(values, folds.numbers).values())


def over_seeds(values: Iterable[Any]) -> Cell:
    """Of those values that are finite numbers.

    >>> over_seeds([1.0, None, 3.0])
    Cell(mean=2.0, sd=1.4142135623730951, n=2)
    >>> over_seeds([0.1] * 7).sd
    0.0
    """
    known = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return Cell(fmean(known) if known else math.nan, _spread(known), len(known))


def _spread(values: Sequence[float]) -> float:
    """The sample standard deviation, 0 for equal values; ``statistics`` takes fifty times as long, by fractions."""
    if len(values) < 2:
        return math.nan
    apart = [value - values[0] for value in values]
    middle = fmean(apart)
    return math.sqrt(math.fsum((one - middle) ** 2 for one in apart) / (len(apart) - 1))


def _without_seed(config: JsonView) -> JsonView:
    return {key: node for key, node in config.items() if key != "seed"}


def _group(results: Iterable[RunResult], key: Callable[[RunResult], Hashable]) -> dict[Any, list[RunResult]]:
    groups: dict[Any, list[RunResult]] = {}
    for result in results:
        groups.setdefault(key(result), []).append(result)
    return groups


def _differences(configs: Sequence[Mapping[str, str]], named: set[str]) -> Iterator[str]:
    """For each flat configuration the keys, not named by the row already, in which the configurations differ."""
    keys = sorted({key for config in configs for key in config} - named)
    differing = [key for key in keys if len({config.get(key, ABSENT) for config in configs}) > 1]
    # What is the same wherever it is there (the options of a stage that some have) is left out, if the rest will do.
    varied = [key for key in differing if len({config[key] for config in configs if key in config}) > 1]
    enough = len({tuple(config.get(key, ABSENT) for key in varied) for config in configs}) == len(configs)
    for config in configs:
        yield ", ".join(f"{key}={config[key]}" for key in (varied if enough else differing) if key in config)


def _flat(node: JsonView, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, member in node.items():
        if member and (type(member) is dict or isinstance(member, Mapping)):
            flat |= _flat(member, f"{prefix}{key}.")
        else:
            flat[prefix + key] = _text(member)
    return flat


def _text(value: Any) -> str:
    """An option as canonical JSON has it, text without its quotes.

    >>> [_text(value) for value in ("a", 0.5, 1, True, None, (1, 2.0))]
    ['a', '0.5', '1', 'true', 'null', '[1,2.0]']
    """
    kind = type(value)  # nearly all of the options of thousands of runs are numbers or words
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    if value is None or kind is bool:
        return WORDS[value]
    return value if isinstance(value, str) else canonical_json(value)

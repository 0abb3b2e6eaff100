"""Folds of one family: runs that differ in the fold alone, as one row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rexp.store.index import configuration_of
from rexp.store.result import ONLINE, SELF

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView
    from rexp.store.result import RunResult


@dataclass(frozen=True)
class Folds:
    """The folds of a row.

    Args:
        numbers: one a run.
        means: by metric and fold, over the fold's seeds; undefined ones are left out.
        test_share: test rows for each training row, the mean over folds.
    """

    numbers: tuple[int, ...]
    means: Mapping[str, Mapping[int, float]]
    test_share: float


def over_folds(results: Sequence[RunResult], known: Mapping[str, RunResult]) -> list[RunResult]:
    """The results as they are named where folds share a row: without the fold, and with teachers of whatever fold.

    Args:
        results: of one protocol and family; where all are of one fold, they are left as they are.
        known: all results by run, to look up teachers.
    """
    if len({result.fingerprint for result in results}) < 2:
        return list(results)
    common: dict[str, str] = {}
    return [_common(result, known, common) for result in results]


def folds_of(results: Sequence[RunResult], columns: Sequence[str]) -> Folds | None:
    """The folds of a row's runs; None where these are of one fold.

    Args:
        results: from :func:`over_folds`.
        columns: of the table; costs among them are not compared.
    """
    folds = tuple(int(result.content["fold"]) for result in results if "fold" in result.content)
    if len(folds) < len(results):
        return None
    means = {
        column: by_fold([result.metrics[column] for result in results], folds)
        for column in columns
        if all(column in result.metrics for result in results)
    }
    shares = [result.data["test"] / result.data["train"] for result in results]
    return Folds(folds, means, fmean(shares))


def by_fold(values: Sequence[Any], folds: Sequence[int]) -> dict[int, float]:
    """The mean of each fold, of those values that are finite numbers.

    >>> by_fold([1.0, 3.0, None, 5.0], [0, 0, 1, 2])
    {0: 2.0, 2: 5.0}
    """
    known: dict[int, list[float]] = {}
    for value, fold in zip(values, folds, strict=True):
        if isinstance(value, int | float) and math.isfinite(value):
            known.setdefault(fold, []).append(float(value))
    return {fold: fmean(known[fold]) for fold in sorted(known)}


def _common(result: RunResult, known: Mapping[str, RunResult], common: dict[str, str]) -> RunResult:
    config = _config(result, known, common)
    content: Json = {**result.content, "config": config, "configuration": configuration_of(config), "fold": result.fold}
    if (teacher := result.teacher).get("run_id"):
        runs = "+".join(_teacher(run, known, common) for run in teacher["run_id"].split("+"))
        content["teacher"] = {**teacher, "run_id": runs}
    return replace(result, content=content)


def _config(result: RunResult, known: Mapping[str, RunResult], common: dict[str, str]) -> JsonView:
    """The configuration without the fold, and with what is common to the folds' teachers in their place."""
    data = result.config["data"]
    split = {key: value for key, value in data["split"].items() if key != "fold"}
    named = result.config.get("teacher")
    if isinstance(named, str):
        named = _teacher(named, known, common)
    elif named and ONLINE not in named:
        named = {_teacher(run, known, common): weight for run, weight in named.items()}
    return {**result.config, "data": {**data, "split": split}, "teacher": named}


def _teacher(run: str, known: Mapping[str, RunResult], common: dict[str, str]) -> str:
    """A teacher's name, which those of the other folds share."""
    if run not in common:
        found = known.get(run) if run != SELF else None
        folded = found is not None and found.family and found.fold is not None
        common[run] = configuration_of(_config(found, known, common))[:12] if found and folded else run
    return common[run]

"""Seconds and memory of a closed-form fit: real fits of growing parts of the catalogue, carried on to all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rexp.io.resident import forget_peak, peak_bytes, resident_bytes

if TYPE_CHECKING:
    from rexp.data.split import Split

FEWEST = 256
"""Items of the smallest part: of fewer, what a fit takes is the same whatever their number."""
STEEPEST = 3.0
"""Seconds grow with at most this power of the items (a dense matrix is inverted); memory with at most the second."""

SHORTEST, SMALLEST = 0.02, 2**24
"""Seconds and bytes from which a part says how they grow."""


@dataclass(frozen=True)
class FitCost:
    """What a fit takes of the whole catalogue.

    Args:
        seconds: of the fit.
        bytes: resident while it goes on, beside what was there before; 0 where the system does not say.
        items: of the largest part that was fitted; all of them where the fit is the real one.
        model: fitted to that part.
        part: that was fitted.
    """

    seconds: float
    bytes: int
    items: int
    model: Any
    part: Split


def time_fit(build: Callable[[Split], Any], split: Split, seed: int, seconds: float) -> FitCost:
    """Fit parts of 256, 512, 1024 ... items as long as the next is expected to end in time.

    They say by which power of the items seconds and bytes grow.

    Args:
        build: a model for a split, bound to it.
        split: the data.
        seed: of the run.
        seconds: of all fits together, about.
    """
    measured: list[FitCost] = []
    for items in _sizes(split.n_items):
        spent = sum(cost.seconds for cost in measured)
        if measured and spent + _at(items, measured).seconds > seconds:
            break
        measured = [*measured, _fit(build, part_of(split, items), seed)]
    return _at(split.n_items, measured)


def part_of(split: Split, items: int) -> Split:
    """The interactions with the first ``items`` of the catalogue."""
    if items == split.n_items:
        return split
    train, valid, test = (rows.take(rows.items < items) for rows in (split.train, split.valid, split.test))
    fingerprint = f"{split.fingerprint}-{items}"
    return replace(split, train=train, valid=valid, test=test, n_items=items, fingerprint=fingerprint)


def _sizes(n_items: int) -> Iterator[int]:
    items = FEWEST
    while items < n_items:
        yield items
        items *= 2
    yield n_items


def _fit(build: Callable[[Split], Any], part: Split, seed: int) -> FitCost:
    forget_peak()
    resident = resident_bytes()
    model = build(part)
    started = time.perf_counter()
    model.fit(part, torch.Generator().manual_seed(seed))
    seconds = time.perf_counter() - started
    taken = max(0, peak_bytes() - resident) if resident else 0
    return FitCost(seconds, taken, part.n_items, model, part)


def _at(items: int, measured: list[FitCost]) -> FitCost:
    """What the whole takes, by the power that the parts show; of one alone, by its share."""
    last = measured[-1]
    ratio = items / last.items
    if ratio == 1:
        return last
    powers = _power(measured, "seconds", SHORTEST, STEEPEST), _power(measured, "bytes", SMALLEST, 2.0)
    seconds, bytes_ = (value * ratio**power for value, power in zip((last.seconds, last.bytes), powers, strict=True))
    return replace(last, seconds=seconds, bytes=round(bytes_))


def _power(measured: list[FitCost], what: str, least: float, most: float) -> float:
    """1 to ``most``, by least squares over the parts that took ``least`` or more: below that, chance decides. Below 1,
    what does not grow with the items still hides what does."""
    taken = [(cost.items, getattr(cost, what)) for cost in measured if getattr(cost, what) >= least]
    if len(taken) < 2:
        return 1.0
    items, values = np.log(np.array(taken, float)).T
    return float(np.clip(np.polyfit(items, values, 1)[0], 1.0, most))

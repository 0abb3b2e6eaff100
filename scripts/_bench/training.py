"""Whole epochs of NeuMF-8, the sides in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from _bench import bare, ours, peer

if TYPE_CHECKING:
    from rexp.data.split import Split

CASES = [(2048, 0.0), (2048, 0.1), (16384, 0.0), (16384, 0.1)]
SAMPLES_A_POSITIVE = 5


def compare(split: Split, rounds: int, recbole_python: str | None) -> None:
    """Print a row for each batch size and dropout: millions of samples a second and ratios to the bare loop."""
    samples = SAMPLES_A_POSITIVE * len(split.train)
    print(f"\nNeuMF-8, {split.name}, {samples:,} samples an epoch, 1 thread; M samples/s, median of {rounds} epochs")
    print(
        "batch  dropout      rexp    rows    bare"
        + " RecBole" * bool(recbole_python)
        + "   rexp/bare  rows/bare  spread of rexp"
    )
    with TemporaryDirectory() as folder:
        if recbole_python:
            peer.write_interactions(split, Path(folder))
        for batch_size, dropout in CASES:
            case = split, batch_size, dropout
            sides: dict[str, Callable[[], list[float]]] = {
                "rexp": lambda case=case: [samples / s for s in ours.epochs(*case, 2)],
                "rows": lambda case=case: [samples / s for s in ours.epochs(*case, 2, layout="listwise")],
                "bare": lambda case=case: [samples / s for s in bare.epochs(*case, 2)],
            }
            if recbole_python:
                sides["recbole"] = lambda case=case: peer.rates(recbole_python, Path(folder), *case[1:], 2)
            _print_case(batch_size, dropout, _alternate(sides, rounds))


def _alternate(sides: dict[str, Callable[[], list[float]]], rounds: int) -> dict[str, list[float]]:
    """Rates by side; each call runs two epochs, of which the first is the warm-up."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            rates[name] += run()[1:]
    return rates


def _print_case(batch_size: int, dropout: float, rates: dict[str, list[float]]) -> None:
    middle = {name: statistics.median(values) if values else float("nan") for name, values in rates.items()}
    cells = "".join(f"{middle[name] / 1e6:8.3f}" for name in rates)
    ratios = f"{middle['rexp'] / middle['bare']:12.2f}{middle['rows'] / middle['bare']:11.2f}"
    spread = (max(rates["rexp"]) - min(rates["rexp"])) / middle["rexp"]
    print(f"{batch_size:5}  {dropout:7}  {cells}{ratios}{spread:15.0%}", flush=True)


def peak_memory(quick: bool) -> None:
    """Print the peak memory of two epochs, each side in a process of its own."""
    print("\npeak memory of a process that trains two epochs at batch 2048 (imports and data included)")
    for side in ("rexp", "bare"):
        command = [sys.executable, sys.argv[0], "--side", side, *(["--quick"] if quick else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(f"  {side:5} {done.stdout.strip() or done.stderr.strip()[-200:]}", flush=True)


def one_side(side: str, split: Split) -> None:
    """What the child of :func:`peak_memory` does."""
    before = _peak_mb()
    (ours if side == "rexp" else bare).epochs(split, 2048, 0.0, 2)
    print(f"{_peak_mb():.0f} MB, of it {before:.0f} MB before training")


def _peak_mb() -> float:
    """This program's peak; ``getrusage`` would report the parent's where that was larger."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")

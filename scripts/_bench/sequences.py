"""Whole epochs of SASRec: rexp beside the peers that have it."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch

from _bench.ours import UNVALIDATED, plugin, whole_epochs
from _bench.sequence_children import BATCH, BETAS, BLOCKS, DROPOUT, HEADS, LENGTH, RATE, SIZE
from rexp.train.config import FitConfig

if TYPE_CHECKING:
    from rexp.data.split import Split

CHILD = Path(__file__).with_name("sequence_children.py")
FEW_USERS = 50
"""RecBole gets every fiftieth user: it trains as many sequences as there are targets, an hour for all."""


def compare(split: Split, rounds: int, peers: dict[str, str]) -> None:
    """Print targets a second of each side, which take turns; of two epochs the first warms up.

    Args:
        split: what is trained on; a user's rows are in order.
        rounds: epochs of each side that count.
        peers: interpreters by the peer's name.
    """
    with TemporaryDirectory() as folder:
        sides = {peer: Path(folder) / peer for peer in peers}
        targets = {"rexp": _targets(split, 1)}
        for peer, place in sides.items():
            targets[peer] = _write(split, place, FEW_USERS if peer == "recbole" else 1)
        rates: dict[str, list[float]] = {side: [] for side in targets}
        for _ in range(rounds):
            rates["rexp"].append(targets["rexp"] / _ours(split))
            for peer, place in sides.items():
                if seconds := _theirs(peer, peers[peer], place):
                    rates[peer].append(targets[peer] / seconds)
    print(f"\nSASRec, {split.name}, {targets['rexp']:,} targets an epoch, vectors of {SIZE}, {BLOCKS} blocks, ", end="")
    print(f"{LENGTH} items, 1 thread; targets a second, median of {rounds} epochs")
    middle = {side: statistics.median(found) for side, found in rates.items() if found}
    for side, rate in middle.items():
        ratios = sorted(ours / other for ours, other in zip(rates["rexp"], rates[side], strict=True))
        told = "" if side == "rexp" else f"   rexp / it {middle['rexp'] / rate:5.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]"
        print(f"  {side:9} {rate:9,.0f}{told}", flush=True)


def _ours(split: Split) -> float:
    torch.manual_seed(0)
    sizes = {"factors": SIZE, "blocks": BLOCKS, "heads": HEADS, "history_length": LENGTH, "dropout": DROPOUT}
    model = plugin("model", "sasrec", split.spec, **sizes)
    loss, sampler = plugin("loss", "bce", layout="listwise"), plugin("sampler", "uniform", split, n=1)
    recipe = FitConfig(max_epochs=2, batch_size=BATCH, lr=RATE, betas=BETAS, **UNVALIDATED)
    return whole_epochs(split, model, loss, sampler, recipe)[1]


def _theirs(peer: str, python: str, folder: Path) -> float | None:
    """Seconds of the second epoch; None, with the reason on the screen, where the peer failed."""
    done = subprocess.run(
        [python, str(CHILD), peer, str(folder), "2"], capture_output=True, text=True, cwd=folder, check=False
    )
    if done.returncode:
        print(f"{peer} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return None
    return float(json.loads(done.stdout.strip().splitlines()[-1])[1])


def _targets(split: Split, every: int) -> int:
    """Positions that are trained in an epoch: of a user all rows but the first, and no more than are read."""
    counts = np.bincount(split.train.users, minlength=split.n_users)[::every]
    return int(np.clip(counts - 1, 0, LENGTH if every == 1 else None).sum())


def _write(split: Split, folder: Path, every: int) -> int:
    """A file of every so many'th user's rows; the targets of an epoch."""
    folder.mkdir(parents=True)
    rows = np.column_stack([split.train.users, split.train.items, np.arange(len(split.train))])
    kept = rows[rows[:, 0] % every == 0]
    np.savetxt(folder / "rows.tsv", kept, "%d", "\t", header="user\titem\tplace", comments="")
    return _targets(split, every)

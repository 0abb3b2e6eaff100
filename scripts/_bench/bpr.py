"""Whole epochs of matrix factorization by BPR: rexp beside the library implicit."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import torch
from scipy.sparse import csr_matrix

from _bench.clock import now
from _bench.ours import UNVALIDATED, plugin, whole_epochs
from rexp.nn.sparse import interaction_matrix
from rexp.train.config import FitConfig

if TYPE_CHECKING:
    from rexp.data.split import Split

FACTORS = 64
CASES = [(2048, "adam"), (2048, "sgd"), (16384, "adam"), (16384, "sgd")]
EPOCHS = 4
"""Of a fit of implicit, whose epochs are not told one by one."""


def compare(split: Split, rounds: int) -> None:
    """Print the seconds of an epoch by batch size and optimizer, and the library's time as a share of them.

    The library steps by plain SGD after every sample, on one thread, rejects known positives as rexp does, and has a
    bias of every item. The sides take turns; of rexp's two epochs the first warms up.
    """
    seen = csr_matrix(interaction_matrix(split))
    ours: dict[tuple[int, str], list[float]] = {case: [] for case in CASES}
    theirs: list[float] = []
    _theirs(seen, 1)
    for _ in range(rounds):
        theirs.append(_theirs(seen, EPOCHS))
        for case in CASES:
            ours[case].append(_ours(split, *case))
    print(f"\nBPR-MF-{FACTORS}, {split.name}, {len(split.train):,} pairs, 1 thread, median of {rounds} epochs in turns")
    print(f"  implicit             {statistics.median(theirs):7.3f} s")
    for (batch_size, optimizer), seconds in ours.items():
        ratios = sorted(their / our for their, our in zip(theirs, seconds, strict=True))
        print(
            f"  rexp {batch_size:6} {optimizer:8} {statistics.median(seconds):7.3f} s   implicit/rexp "
            f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]",
            flush=True,
        )


def _ours(split: Split, batch_size: int, optimizer: Any) -> float:
    torch.manual_seed(0)
    model = plugin("model", "mf", split.spec, factors=FACTORS)
    loss, sampler = plugin("loss", "bpr"), plugin("sampler", "uniform", split, n=1)
    recipe = FitConfig(max_epochs=2, batch_size=batch_size, optimizer=optimizer, **UNVALIDATED)
    return whole_epochs(split, model, loss, sampler, recipe)[1]


def _theirs(seen: Any, epochs: int) -> float:
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(factors=FACTORS, iterations=epochs, num_threads=1, random_state=0)
    started = now()
    model.fit(seen, show_progress=False)
    return (now() - started) / epochs

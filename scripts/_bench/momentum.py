"""Steps of Adam long after some rows had their last gradient, as rexp sets torch up and as torch comes."""

from __future__ import annotations

import statistics
import time

import torch

from rexp.experiment.warm_start import torch_settings

ROWS, DIM, IDLE, STEPS = 100_000, 32, 1_000, 20


def without_gradients(rounds: int) -> None:
    """Print milliseconds a step; the sides take turns."""
    print(f"\nAdam on {ROWS:,} x {DIM}, {IDLE:,} steps after the last gradient, ms a step, median of {rounds}")
    took: dict[str, list[float]] = {"torch": [], "rexp": []}
    for _ in range(rounds):
        took["torch"].append(_milliseconds())
        with torch_settings(threads=1):
            took["rexp"].append(_milliseconds())
    plain, ours = (statistics.median(took[side]) for side in ("torch", "rexp"))
    print(f"  torch {plain:.2f}, rexp {ours:.2f}: {plain / ours:.1f} times as fast", flush=True)


def _milliseconds() -> float:
    table = torch.nn.Parameter(torch.zeros(ROWS, DIM))
    optimizer = torch.optim.Adam([table], fused=True)
    table.grad = torch.full_like(table, 1e-2)
    optimizer.step()
    table.grad.zero_()
    for _ in range(IDLE):
        optimizer.step()
    started = time.perf_counter()
    for _ in range(STEPS):
        optimizer.step()
    return 1000 * (time.perf_counter() - started) / STEPS

"""iALS and the best ten items of every user: rexp beside the library implicit."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from _bench.clock import now
from _bench.ours import plugin
from rexp.evaluate.top_items import top_items
from rexp.nn.sparse import interaction_matrix

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from rexp.data.split import Split

SETTINGS = {"factors": 64, "iterations": 15, "regularization": 0.01, "alpha": 10.0}
K = 10
ATTEMPTS = 5
"""Lists are made in a fraction of a second, so every round makes them this often."""


def compare(split: Split, rounds: int) -> None:
    """Print the seconds of both sides, which take turns, their ratio, and in how many places their lists agree."""
    from scipy.sparse import csr_matrix

    seen = csr_matrix(interaction_matrix(split))
    print(f"\niALS of {SETTINGS}, 1 thread, median of {rounds}: seconds of rexp, of implicit, ratio")
    for solver in ("exact", "cg"):
        fits = {"rexp": lambda s=solver: _ours(split, s), "implicit": lambda s=solver: _theirs(seen, s)}
        print(f"  fit, {solver:14} {_line(_turns(fits, rounds))}", flush=True)
    ours, theirs = _ours(split, "cg"), _theirs(seen, "cg")
    lists = {"rexp": lambda: _our_lists(ours, split), "implicit": lambda: _their_lists(theirs, seen)}
    print(f"  top {K} of {split.n_users:,} users {_line(_turns(lists, rounds * ATTEMPTS))}")
    agreement = _agreement(ours, theirs, split, seen)
    print(f"  places of the lists that agree, of the same vectors: {agreement:.4%}", flush=True)


def _turns(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The median seconds of every side, each warmed up once; the one that begins changes with every round."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-1, rounds):
        for name, side in list(sides.items())[:: 1 if number % 2 else -1]:
            started = now()
            side()
            if number >= 0:
                seconds[name].append(now() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _line(seconds: dict[str, float]) -> str:
    return f"{seconds['rexp']:8.3f} {seconds['implicit']:8.3f} {seconds['rexp'] / seconds['implicit']:6.2f}"


def _ours(split: Split, solver: str) -> Any:
    model = plugin("model", "ials", split.spec, **SETTINGS, solver=solver)
    model.fit(split, torch.Generator().manual_seed(0))
    return model


def _theirs(seen: csr_matrix, solver: str) -> Any:
    """As a user of the library would write it; its ``alpha`` is the whole confidence of an interaction."""
    from implicit.cpu.als import AlternatingLeastSquares

    settings = SETTINGS | {"alpha": 1 + SETTINGS["alpha"]}
    model = AlternatingLeastSquares(**settings, use_cg=solver == "cg", num_threads=1, random_state=0)
    model.fit(seen, show_progress=False)
    return model


def _our_lists(model: Any, split: Split) -> np.ndarray[Any, Any]:
    """What ``rexp recommend`` does between a stored model and its lists."""
    return top_items(model, split, torch.arange(split.n_users), K, ["train"])[0].numpy()


def _their_lists(model: Any, seen: csr_matrix) -> np.ndarray[Any, Any]:
    """All users in one call, which the library divides into blocks itself."""
    found: np.ndarray[Any, Any] = model.recommend(np.arange(seen.shape[0]), seen, N=K)[0]
    return found


def _agreement(ours: Any, theirs: Any, split: Split, seen: csr_matrix) -> float:
    """The share of equal places once the library has our vectors: what is left are ties and rounding."""
    theirs.user_factors, theirs.item_factors = ours.users.numpy(), ours.items.numpy()
    return float((_our_lists(ours, split) == _their_lists(theirs, seen)).mean())

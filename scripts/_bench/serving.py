"""Requests of one user with his candidates: the model in torch, and its exported file in ONNX Runtime."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch

from _bench.clock import now
from _bench.ours import plugin
from rexp.api import StageContext
from rexp.export.onnx import write_onnx
from rexp.export.scorer import scorer_for
from rexp.measure.costs import scorer_of
from rexp.measure.latency import Request, requests
from rexp.measure.onnx_session import onnx_scorer
from rexp.measure.sizes import byte_sizes

if TYPE_CHECKING:
    from rexp.data.split import Split

Score = Callable[[Request], object]
Side = tuple[str, str]
"""A form of the tables, and the runtime."""
CANDIDATES = (1, 100)
MODELS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "NCF-8": ("ncf", {"factors": 8}),
    "NCF-64": ("ncf", {"factors": 64}),
    "MF-64": ("mf", {"factors": 64}),
}
FORMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "int8": ("rowwise", {"bits": 8}),
    "int4": ("rowwise", {"bits": 4}),
    "packed": ("pack", {"sparsity": 0.5}),
    "pack, dense": ("pack", {"sparsity": 0.5, "memory": "dense"}),
}


def latencies(split: Split, rounds: int, names: list[str] | None) -> None:
    """Print microseconds of a request, and how many times as fast as another side it is.

    Weights are untrained: what a request takes does not depend on them. All sides take turns, 64 requests each; the
    ratio is the median over the turns, between its tenth and ninetieth percentile.

    Args:
        split: gives the numbers of users and items.
        rounds: a tenth of the turns.
        names: of the models; None takes all.
    """
    print(f"\nscoring 1 user, {split.n_users:,} users x {split.n_items:,} items, 1 thread, {10 * rounds} turns")
    print(
        "model   candidates table        torch us   onnx us   torch/onnx          torch: fp32/this    onnx: fp32/this"
    )
    for name in names or MODELS:
        with TemporaryDirectory() as folder, torch.no_grad():
            forms = _forms(name, split)
            sides = {(form, "torch"): _eager(model) for form, model in forms.items()}
            for form in ("fp32", "int8", "int4"):
                path = Path(folder) / f"{form}.onnx"
                write_onnx(scorer_for(forms[form], split, name)[0], None, path)
                sides[form, "onnx"] = onnx_scorer(path, 1)
            asked = requests(scorer_of(forms["fp32"], split, [], torch.device("cpu")), CANDIDATES)
            for n, chosen in asked.items():
                _print_rows(f"{name:7} {n:10}", _turns(sides, chosen, 10 * rounds))
            _print_sizes(name, forms)


def _forms(name: str, split: Split) -> dict[str, Any]:
    plugin_name, options = MODELS[name]
    torch.manual_seed(0)
    model = plugin("model", plugin_name, split.spec, **options).eval()
    forms = {"fp32": model}
    for form, (stage, choice) in FORMS.items():
        forms[form] = deepcopy(model)
        plugin("stage", stage, **choice).apply(forms[form], StageContext(split, torch.Generator().manual_seed(0)))
        forms[form].eval()
    return forms


def _eager(model: Any) -> Score:
    return lambda request: model.score(request.query, request.items)


def _turns(
    sides: Mapping[tuple[str, str], Score], asked: list[Request], turns: int
) -> dict[tuple[str, str], list[float]]:
    """Microseconds of a request, by side and turn; the first turn warms up."""
    spent: dict[Side, list[float]] = {side: [] for side in sides}
    for turn in range(-1, turns):
        for side, score in sides.items():
            for request in asked[:5]:
                score(request)  # the other sides' tables have taken its place in the caches
            started = now()
            for request in asked:
                score(request)
            if turn >= 0:
                spent[side].append(1e6 * (now() - started) / len(asked))
    return spent


def _print_rows(start: str, spent: Mapping[Side, list[float]]) -> None:
    for form in ("fp32", *FORMS):
        torch_us, onnx_us = spent[form, "torch"], spent.get((form, "onnx"))
        cells = f"{statistics.median(torch_us):9.1f} "
        cells += f"{statistics.median(onnx_us):9.1f}   {_ratio(torch_us, onnx_us)}" if onnx_us else " " * 30
        cells += "" if form == "fp32" else f"  {_ratio(spent['fp32', 'torch'], torch_us)}"
        cells += "" if form == "fp32" or not onnx_us else f"  {_ratio(spent['fp32', 'onnx'], onnx_us)}"
        print(f"{start} {form:11} {cells}", flush=True)


def _print_sizes(name: str, forms: Mapping[str, Any]) -> None:
    """After the requests, for a table may be unpacked by the first of them."""
    sizes = [f"{form} {byte_sizes(model)['resident_bytes']:,}" for form, model in forms.items()]
    print(f"{name:7} bytes in memory: {'; '.join(sizes)}", flush=True)


def _ratio(slow: list[float], fast: list[float]) -> str:
    """How many times as long, turn by turn."""
    found = sorted(a / b for a, b in zip(slow, fast, strict=True))
    low, high = found[len(found) // 10], found[-1 - len(found) // 10]
    return f"{statistics.median(found):5.2f} [{low:.2f}-{high:.2f}]"

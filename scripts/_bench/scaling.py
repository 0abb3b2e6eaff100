"""Time and memory of every phase by the number of rows and of items, with slopes from the smallest to the largest."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROWS = (1_000_000, 3_000_000, 10_000_000)
ITEMS = (10_000, 100_000, 1_000_000)
PAIRS, USERS, RANKED = 1_000_000, 20_000, 500
Found = dict[str, tuple[float, float]]


def scaling(quick: bool, picture: Path | None) -> None:
    """Print seconds and peak megabytes of each phase, each size in a process of its own; draw them where asked for."""
    found: dict[str, dict[int, Found]] = {"rows": {}, "items": {}}
    with TemporaryDirectory() as place:
        for what, sizes in (("rows", ROWS), ("items", ITEMS)):
            for size in sizes[: 2 if quick else None]:
                command = [sys.executable, __file__, what, str(size), place]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[what][size] = json.loads(done.stdout.strip().splitlines()[-1])
            _print(what, found[what])
    if picture:
        _draw(found, picture)


def _print(what: str, found: dict[int, Found]) -> None:
    sizes = list(found)
    print(f"\nby the number of {what}: seconds of the processor, and peak MB of the phase")
    print(f"{'phase':28}" + "".join(f"{size:>22,}" for size in sizes) + "   slope of time, of memory")
    for phase in found[sizes[0]]:
        cells = [found[size][phase] for size in sizes]
        slopes = [_slope(sizes, [cell[place] for cell in cells]) for place in (0, 1)]
        shown = "".join(f"{seconds:13.2f} {mb:8,.0f}" for seconds, mb in cells)
        print(f"{phase:28}{shown}   {slopes[0]:.2f}, {slopes[1]:.2f}", flush=True)


def _slope(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Of the logarithms, from the smallest to the largest: 1 is linear."""
    return math.log(max(values[-1], 1e-9) / max(values[0], 1e-9)) / math.log(sizes[-1] / sizes[0])


def _draw(found: dict[str, dict[int, Found]], picture: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    for row, (place, title) in enumerate(((0, "processor seconds"), (1, "peak MB"))):
        for column, what in enumerate(found):
            axes = figure.add_subplot(2, 2, 2 * row + column + 1)
            sizes = list(found[what])
            for phase in found[what][sizes[0]]:
                axes.loglog(sizes, [found[what][size][phase][place] for size in sizes], marker="o", label=phase)
            axes.set_xlabel(what)
            axes.set_ylabel(title)
            axes.grid(alpha=0.3)
            axes.legend(fontsize=7)
    figure.savefig(picture, metadata={"Date": None})


def _measured(phase: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What a phase gives, its processor seconds, and the peak of memory while it ran."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts anew
    started = time.process_time()
    result = phase()
    seconds = time.process_time() - started
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return result, (seconds, int(peak[1]) / 1024 if peak else float("nan"))


def _by_rows(n: int, place: Path) -> Found:
    from _bench.rows import _draw as drawn
    from rexp.prepare.prepare import load_split

    file = place / f"{n}.csv"
    drawn(n).write_csv(file)
    node = {"name": "csv", "path": str(file), "split": {"name": "leave_last"}, "strict": False}
    found: Found = {}
    split, found["CSV to split"] = _measured(lambda: load_split(node, None, place / "cache"))
    split, found["split from the cache"] = _measured(lambda: load_split(node, None, place / "cache"))
    return found | _of_model(split)


def _by_items(n: int, place: Path) -> Found:
    import numpy as np

    from rexp.data.interactions import Interactions
    from rexp.data.split import Split

    draw = np.random.default_rng(0)
    users = np.sort(draw.integers(0, USERS, PAIRS)).astype(np.int32)
    train = Interactions(users, (draw.beta(0.6, 3, PAIRS) * n).astype(np.int32))
    test = Interactions(np.arange(USERS, dtype=np.int32), draw.integers(0, n, USERS).astype(np.int32))
    split = Split("drawn", train, train.take(np.zeros(PAIRS, bool)), test, USERS, n, f"drawn-{n}")
    return _of_model(split)


def _of_model(split: Any) -> Found:
    """An epoch of BPR-MF-64, lists of some users out of the whole catalogue, and out of a flat index."""
    import numpy as np
    import torch

    from _bench.ours import UNVALIDATED, plugin, whole_epochs
    from rexp.evaluate.top_items import top_items
    from rexp.train.config import FitConfig

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = plugin("model", "mf", split.spec, factors=64)
    loss, sampler = plugin("loss", "bpr"), plugin("sampler", "uniform", split, n=1)
    recipe = FitConfig(max_epochs=1, batch_size=16_384, **UNVALIDATED)
    found: Found = {}
    _, found["an epoch of BPR-MF-64"] = _measured(lambda: whole_epochs(split, model, loss, sampler, recipe))
    model.eval()
    users = torch.arange(RANKED)
    _, found[f"{RANKED} lists, exact"] = _measured(lambda: top_items(model, split, users, 10, ["train"]))
    index = plugin("retriever", "flat")
    vectors = model.item_embeddings().detach().numpy()
    queries = np.ascontiguousarray(model.user_embeddings(replace(split.query(users, []))).detach().numpy())
    _, found["flat index built"] = _measured(lambda: index.build(np.ascontiguousarray(vectors)))
    _, found[f"{RANKED} searches of 100"] = _measured(lambda: index.search(queries, 100))
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    kind, size, folder = sys.argv[1:]
    print(json.dumps((_by_rows if kind == "rows" else _by_items)(int(size), Path(folder))))

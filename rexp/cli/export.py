"""``rexp export``: a finished run's model for another runtime."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.cli.verbs import Arguments, add_store
from rexp.config.schema import Measure
from rexp.errors import ConfigError, RunError, visible
from rexp.experiment.measure_client import data_folder, measure_run
from rexp.io.output import write
from rexp.io.terminal import Screen
from rexp.measure.onnx_session import require_deploy
from rexp.measure.table import print_latencies
from rexp.store.installed import check_installed
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.evaluate.scoring import Scorer
    from rexp.store.result import RunResult


def main(argv: list[str]) -> int:
    """Write the model, check its scores, and print sizes and latency beside torch's."""
    options = arguments().parse_args(argv)
    if options.repeats < 1:
        raise ConfigError("--repeats takes a number of 1 or more")

    require_deploy()
    store = Store(options.store)
    run = store.resolve(options.run)
    result = store.result(run)
    data = data_folder(options.data)
    output = options.output or Path(f"{run}-int8.onnx" if options.int8 else f"{run}.onnx")
    scorer = _scorer(store, run, result, data)
    with tempfile.TemporaryDirectory() as folder:
        made = _export(scorer, result, Path(folder), int8=options.int8)
        write(output, lambda path: path.write_bytes(made.read_bytes()))
    _print_sizes(result, output)
    runtime = "onnxruntime int8" if options.int8 else "onnxruntime"
    _print_latencies(store, run, data, output, options.repeats, runtime)
    return 0


def _scorer(store: Store, run: str, result: RunResult, data: Path | None) -> Scorer:
    import torch

    from rexp.experiment.restore import load_model, load_run_split
    from rexp.measure.costs import scorer_of, shown_history

    torch.set_num_threads(1)
    check_installed(store, run)
    split = load_run_split(result, data, store.root / ".data")
    model = load_model(store, run, split, "the command")
    return scorer_of(model, split, shown_history(result), torch.device("cpu"))


def _export(scorer: Scorer, result: RunResult, folder: Path, *, int8: bool) -> Path:
    """The file that is to be kept.

    Raises:
        RunError: the scores are not the model's.
    """
    from rexp.export.check import TOLERANCE, compare
    from rexp.export.onnx import write_int8, write_onnx
    from rexp.export.scorer import scorer_for

    module, what = scorer_for(scorer.model, scorer.split, result.model_name)
    whole = folder / "whole.onnx"
    write_onnx(module, scorer.history_length, whole)
    found = compare(scorer, whole)
    if not found.holds:
        raise RunError(
            f"ONNX Runtime's scores differ from torch's by up to {found.largest:.2g}, more than "
            f"{TOLERANCE:g} of the largest score ({found.scale:.3g}); nothing is written"
        )
    print(f"exported {what}; {found.pairs:,} scores differ from torch's by {found.largest:.1e} at most")
    if not int8:
        return whole
    small = folder / "int8.onnx"
    write_int8(whole, small)
    found = compare(scorer, small)
    print(
        f"in 8 bits they differ by {found.largest:.1e} at most, "
        f"{100 * found.mean_in_sd:.2f} % of the scores' standard deviation on average"
    )
    return small


def _print_sizes(result: RunResult, output: Path) -> None:
    stored, written = result.weights["bytes"], output.stat().st_size
    print(visible(f"{output}: {written:,} bytes; the run's weights have {stored:,}"))


def _print_latencies(store: Store, run: str, data: Path | None, output: Path, repeats: int, runtime: str) -> None:
    costs = {
        name: measure_run(
            store, run, data, store.root / ".data", candidates=Measure().candidates, repeats=repeats, onnx=path
        ).cost
        for name, path in (("torch", None), (runtime, output))
    }
    print_latencies(costs, Screen())


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp export",
        description="Write a finished run's model as ONNX, check its scores in ONNX Runtime, and time both.",
        epilog="examples: rexp export 3f2a --to onnx    rexp export 3f2a --to onnx --int8 --output small.onnx",
    )
    parser.add_argument("run", help="the run's id, or the beginning of it (rexp report --rows run lists them)")
    parser.add_argument("--to", choices=["onnx"], default="onnx", help="the format (default: onnx)")
    parser.add_argument(
        "--int8", action="store_true", help="quantize the weights to 8 bits; says how far scores are off"
    )
    parser.add_argument("--output", type=Path, help="the file (default: RUN.onnx, or RUN-int8.onnx)")
    parser.add_argument("--repeats", type=int, default=200, help="requests of each size that are timed (default: 200)")
    add_store(parser)
    parser.add_argument("--data", type=Path, help="folder of data sets (default: $REXP_DATA)")
    return parser

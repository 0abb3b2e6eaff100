"""``rexp measure``: what a stored run costs, measured again."""

from __future__ import annotations

from pathlib import Path

from rexp.cli.verbs import Arguments, add_store
from rexp.errors import ConfigError
from rexp.experiment.measure_client import data_folder, measure_run
from rexp.experiment.measure_results import store_costs
from rexp.measure.table import print_costs
from rexp.plugins.options import from_options
from rexp.store.store import Store
from rexp.train.config import DeviceConfig


def main(argv: list[str]) -> int:
    """Measure runs, print what was found, and put it into their results."""
    options = arguments().parse_args(argv)
    candidates = numbers(options.batches, "--batches")
    if options.repeats < 1:
        raise ConfigError("--repeats takes a number of 1 or more")
    from_options(DeviceConfig, {"threads": options.threads}, "--threads")

    store = Store(options.store)
    for run in [store.resolve(name) for name in options.run]:
        store.result(run)  # before anything is started
        found = measure_run(
            store,
            run,
            data_folder(options.data),
            store.root / ".data",
            candidates=candidates,
            repeats=options.repeats,
            threads=options.threads,
        )
        with store.lock(run):
            result = store_costs(store, run, found)
        how = found.conditions
        load = "" if how.load is None else f", load {how.load:.1f} on {how.cores} cores"
        print_costs(f"run {run}: torch on {how.threads} thread(s){load}", result.cost)
    return 0


def numbers(text: str, option: str) -> list[int]:
    """The numbers of an option, separated by commas.

    Raises:
        ConfigError: one is no number of 1 or more.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) for word in words):
        raise ConfigError(f"{option} {text}: give numbers of 1 or more, such as 1,100,4096")
    return [int(word) for word in words]


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp measure",
        description="Measure finished runs again: sizes, multiply-adds and latency on the CPU, in a fresh process. "
        "What is found takes the place of what their results have.",
        epilog="example: rexp measure 3f2a --batches 1,100,4096",
    )
    parser.add_argument("run", nargs="+", help="a run's id, or the beginning of it (rexp report --rows run lists them)")
    parser.add_argument(
        "--batches", default="1,100,4096", help="candidates of one user that are scored at once (default: 1,100,4096)"
    )
    parser.add_argument("--repeats", type=int, default=200, help="requests of each size (default: 200)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    add_store(parser)
    parser.add_argument("--data", type=Path, help="folder of data sets (default: $REXP_DATA)")
    return parser

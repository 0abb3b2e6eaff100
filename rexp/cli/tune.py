"""``rexp tune``: search a space for the best values, on the validation part, and write them as an experiment file."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.cli.verbs import Arguments
from rexp.config.job import read
from rexp.errors import ConfigError
from rexp.hydra.compose import hydra_session
from rexp.io.text import say
from rexp.plugins.conf_dirs import conf_dir
from rexp.store.store import Store
from rexp.tune.experiment_file import write_experiment
from rexp.tune.search import common, search
from rexp.tune.search_space import find, read_space
from rexp.tune.trials import Budget, busy_seconds, describe

if TYPE_CHECKING:
    from rexp.tune.study import Study
from rexp.tune.console import render

DESCRIPTION = (
    "Search a space for the values that are best on the validation part, and write them as an experiment file. Killed "
    "at any moment, the same command goes on; given in several terminals, they share the work."
)
SHOWN = 10


def main(argv: list[str]) -> int:
    """Search; exit code 1 where no trial came to a value."""
    options = _options(argv)
    if find_spec("optuna") is None:
        raise ConfigError("rexp tune needs optuna: pip install 'rexp-recsys[tune]'")
    from rexp.tune.study import Study

    space = read_space(find(options.space, conf_dir() / "tune"))
    with hydra_session():
        options.overrides, base = common(space, options.overrides, options.config_dir)
        request = read(base)
        store = Store(request.store)
        study = Study(request.store / ".tune" / options.name, space)
        with closing(study):
            if options.show:
                study.look()
                return _show(study)
            store.check_writable()
            given = (options.trials, options.minutes)
            budget = Budget(*((space.file.trials, space.file.minutes) if given == (None, None) else given))
            with _others(options, argv):
                search(
                    study,
                    store,
                    request,
                    options.overrides,
                    budget,
                    config_dir=options.config_dir,
                    jobs=options.jobs,
                    quiet=options.worker,
                )
            if options.worker:
                return 0
            return _finish(study, options, argv)


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(prog="rexp tune", description=DESCRIPTION)
    parser.add_argument("space", help="a search space: a file, or the name of a shipped one (mf_bpr)")
    parser.add_argument("overrides", nargs="*", help="what every trial sets, as for a run (data=ml-1m seed=1)")
    parser.add_argument("--trials", type=int, metavar="N", help="stop after N trials of this search, earlier ones too")
    parser.add_argument("--minutes", type=float, metavar="M", help="begin no trial after M minutes of work")
    parser.add_argument("--name", help="of the search, under STORE/.tune (default: the space's)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the trials (default: 1)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="experiment file for the best (default: in .tune)")
    parser.add_argument("--config-dir", type=Path, metavar="FOLDER", help="a folder of configurations of your own")
    parser.add_argument("--show", action="store_true", help="print where the search stands, and run nothing")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser


def _options(argv: Sequence[str]) -> argparse.Namespace:
    options = arguments().parse_intermixed_args(argv)
    options.name = options.name or Path(options.space).stem
    if Path(options.name).name != options.name or options.name.startswith("."):
        raise ConfigError(f"--name {options.name} must be a plain name, not a path")
    if options.jobs < 1:
        raise ConfigError(f"--jobs {options.jobs} must be at least 1")
    if options.output and options.output.suffix != ".yaml":
        raise ConfigError(f"--output {options.output} must end in .yaml, as experiment files do")
    return options


@contextmanager
def _others(options: argparse.Namespace, argv: Sequence[str]) -> Iterator[None]:
    """Further processes of the same search; they end with this one."""
    command = [sys.executable, "-m", "rexp", "tune", *argv, "--jobs", "1", "--worker"]
    workers = [subprocess.Popen(command) for _ in range(options.jobs - 1)]
    try:
        yield
        for worker in workers:
            worker.wait()
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()


def _finish(study: Study, options: argparse.Namespace, argv: Sequence[str]) -> int:
    """Show the best, and write it."""
    code = _show(study)
    if code == 0:
        file = options.output or study.folder / "experiment" / f"{options.name}.yaml"
        best = study.ranked()[0]
        write_experiment(file, study, best, options.overrides, argv)
        say(f"trial {best.number} is written to {file}; run it with: {_command(file)}")
    return code


def _command(file: Path) -> str:
    """How to run an experiment file; one that is not among rexp's own is found by its folder."""
    if file.parent.name != "experiment":
        return f"rexp experiment={file.stem}, in a folder named 'experiment' under the one that --config-dir names"
    own = file.parent.resolve() == (conf_dir() / "experiment").resolve()
    return f"rexp {'' if own else f'--config-dir {file.parent.parent} '}experiment={file.stem}"


def _show(study: Study) -> int:
    """Print where the search stands, best first."""
    tried = study.trials()
    render(study.ranked()[:SHOWN], study.metric)
    print(f"{len(tried)} trials ({describe(tried) or 'none yet'}) in {busy_seconds(tried) / 60:.1f} minutes")
    return 0 if study.ranked() else 1

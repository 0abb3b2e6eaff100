"""``rexp plan``: what runs will need, before they are made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from rexp.cli.verbs import Arguments
from rexp.errors import ConfigError
from rexp.experiment.baselines import is_quick
from rexp.hydra.fast_compose import Composer
from rexp.hydra.grid import grid
from rexp.hydra.launch import launch, typed_keys
from rexp.hydra.references import reference_jobs
from rexp.hydra.runtime import config_folders
from rexp.io.text import warn
from rexp.sweep.status import differing

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.estimate.records import Job
    from rexp.hydra.launchers import HydraContext

OWN = ("-h", "--help", "-m", "--multirun", "--no-probe", "--json")
"""Options that are not handed to Hydra."""


def main(argv: list[str]) -> int:
    """Plan what the words would run, and print it; exit code 2 where something cannot fit."""
    # Hydra has options of its own, some with a value, which stay in their order.
    options = arguments().parse_args([word for word in argv if word in OWN])
    words = [word for word in argv if word not in OWN]
    task = Planned(probing=not options.no_probe)
    launch([*(["-m"] if options.multirun else []), *words], task)
    if options.json:
        print(json.dumps([asdict(job) for job in task.jobs], indent=2))
        return 0
    from rexp.estimate.console import show  # which imports torch's layers, as the planner does

    show(task.jobs, detailed=not task.sweeping)
    return 0


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(
        prog="rexp plan",
        description="Say what a run or a sweep will need, by the words of its command: memory, bytes on disk and "
        "seconds, from a few steps of the real model on the real data; and refuse what cannot fit.",
    )
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="as of the run, or of the sweep")
    parser.add_argument("-m", "--multirun", action="store_true", help="a sweep: a line a job, and the sum")
    parser.add_argument("--no-probe", action="store_true", help="time nothing, and leave out what has to be tried")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


class Planned:
    """The task that Hydra calls in the place of a run, or of a sweep.

    Args:
        probing: time a few steps of each run.
    """

    def __init__(self, *, probing: bool) -> None:
        self.sweeping, self.probing = False, probing
        self.jobs: list[Job] = []

    def __call__(self, config: DictConfig) -> None:
        """Plan a single run with its teachers and references."""
        from rexp.estimate.planner import Planner  # torch, which help and completion do without

        planner, folders = Planner(probing=self.probing), config_folders()
        self.jobs = planner.plan(config, typed=typed_keys(), recipe_folders=folders)
        own = self.jobs[-1]
        for name, other in reference_jobs(config):
            if config.references is None and not is_quick(name, own.items):
                continue
            try:
                self.jobs += planner.plan(other, "reference", recipe_folders=folders)
            except ConfigError as error:  # the run leaves it out, too
                warn(f"references: {name} is left out: {error}")

    def sweep(self, config: DictConfig, context: HydraContext, words: Sequence[str]) -> None:
        """Plan every job of a grid."""
        from rexp.estimate.planner import Planner

        self.sweeping = True
        planner, folders = Planner(probing=self.probing), config_folders()
        composed = Composer(context.config_loader, config)  # type: ignore[arg-type]
        jobs = grid(words, context.config_loader)
        for own_words, title in zip(jobs, differing(jobs), strict=True):
            *teachers, own = planner.plan(composed(own_words), sweeping=True, recipe_folders=folders)
            self.jobs += [job for job in teachers if job.where == "planned"]
            self.jobs.append(replace(own, title=title or " ".join(own_words)))

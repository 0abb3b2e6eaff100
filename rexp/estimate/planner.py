"""Jobs planned one after another: what is in the store costs nothing, and what several share is counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from rexp.config.job import MODEL_RESERVED, read
from rexp.config.plan import plugins_behind, resolve
from rexp.config.teachers import Teachers
from rexp.estimate.disk import disk_parts
from rexp.estimate.fit_probe import training_job
from rexp.estimate.limits import check_disk, check_memory
from rexp.estimate.memory import memory_parts, smaller_model
from rexp.estimate.probe import Timing, probe
from rexp.estimate.records import NOT_TIMED, Job, Part, Seconds, Step
from rexp.evaluate.evaluator import Evaluator
from rexp.experiment.early_checks import check_options
from rexp.experiment.restore import load_parts
from rexp.experiment.run import known_run, title_of
from rexp.experiment.steps import furthest, step_key
from rexp.experiment.teachers import find_teachers, teacher_job, weighted
from rexp.experiment.warm_start import retrieval, torch_settings
from rexp.io.resident import resident_bytes
from rexp.io.text import note
from rexp.measure.sizes import byte_sizes
from rexp.plugins.choice import Choice
from rexp.plugins.exits import no_exits
from rexp.plugins.faults import plugin_faults_told
from rexp.plugins.memory import memory_told
from rexp.plugins.process_state import restored
from rexp.prepare.prepare import load_split
from rexp.store.identity import canonical_json, run_id
from rexp.store.result import SELF
from rexp.store.store import Store

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from rexp.config.job import Request
    from rexp.config.plan import Plan
    from rexp.data.split import Split
    from rexp.plugins.options import Node


@dataclass(frozen=True)
class _Taught:
    """The teachers of a job, their own jobs, and the models of those that are not in the store."""

    teachers: Teachers
    jobs: tuple[Job, ...] = ()
    untrained: dict[str, Node] | None = None


class Planner:
    """Plans jobs; each method call knows what the earlier ones are to compute.

    Args:
        probing: time a few steps of the runs that are to be computed.
    """

    def __init__(self, *, probing: bool = True) -> None:
        self.probing, self.program_bytes = probing, resident_bytes()
        self._runs: dict[str, Job] = {}
        self._steps: dict[str, str] = {}
        self._timings: dict[str, Timing] = {}

    @plugin_faults_told()
    @memory_told()
    def plan(
        self,
        config: DictConfig,
        role: str = "run",
        *,
        typed: Iterable[str] = (),
        sweeping: bool = False,
        recipe_folders: Iterable[Path] = (),
    ) -> list[Job]:
        """The runs that a job comes to: its teachers' first, its own last.

        Args:
            config: the composed configuration.
            role: of the job.
            typed, sweeping, recipe_folders: as of :func:`rexp.experiment.run.run`.

        Raises:
            RexpError: what the run itself would raise before it begins; or it cannot fit into this machine.
        """
        request = read(config, typed=typed, recipe_folders=recipe_folders)
        title = title_of(request)
        with no_exits(request.plugins()):
            store = Store(request.store)
            if known := known_run(request):
                return [self._stored(role, title, store, known)]
            with restored(title), torch_settings(request.device.threads):
                return self._planned(config, request, store, role, title, sweeping=sweeping)

    def _stored(self, role: str, title: str, store: Store, run: str) -> Job:
        result = store.result(run)
        facts, resident = result.data, int(result.cost["resident_bytes"])
        return Job(role, title, run, "stored", facts["users"], facts["items"], facts["train"], dense_bytes=resident)

    def _planned(
        self, config: DictConfig, request: Request, store: Store, role: str, title: str, *, sweeping: bool
    ) -> list[Job]:
        check_options(request)
        split = load_split(request.data, request.data_root, request.cache)
        parts = load_parts(request.model, store, split, "model")
        taught = self._taught(config, request, store, split)
        plan = resolve(request, split, store, parts=parts, sweeping=sweeping)
        evaluator = Evaluator(split, request.evaluate, "test", retrieval=retrieval(plan, store))
        for line in (*plan.notices, *evaluator.notices):
            note(line)
        # The runs of teachers need not be there yet: what the id of this run follows from is known all the same.
        untrained = taught.untrained or {}
        behind = {
            teacher.run: (("model", untrained[teacher.run]["name"]),)
            if teacher.run in untrained
            else plugins_behind(store, teacher.run)
            for teacher in taught.teachers.runs
            if teacher.run != SELF
        }
        plan = replace(plan, teaching=taught.teachers, loaded={**plan.loaded, **behind})
        run = run_id(plan.identity())
        if store.status(run) == "done" and not request.force:
            own = self._stored(role, title, store, run)
        elif run in self._runs:
            own = replace(self._runs[run], role=role).shared()
        else:
            own = self._costs(plan, store, evaluator, role, title, run, taught)
            self._runs[run] = own
        return [*taught.jobs, own]

    def _taught(self, config: DictConfig, request: Request, store: Store, split: Split) -> _Taught:
        """The teachers as they will be: those that are to be trained by the ids that their runs will have."""
        found = find_teachers(request, store, split)
        if isinstance(found, Teachers):
            return _Taught(found)
        jobs: list[Job] = []
        untrained: dict[str, Node] = {}
        runs: dict[str, str] = {}
        for key, known in found.items():
            if known is not None:
                runs[key] = known
                continue
            other = teacher_job(config, key, request, split)
            *_, job = self.plan(other, key, sweeping=True, recipe_folders=request.recipe_folders)
            jobs.append(job)
            runs[key] = job.run
            if job.where != "stored":
                untrained[job.run] = Choice.of("model", read(other).model, key, MODEL_RESERVED).to_dict()
        return _Taught(weighted(request, runs, split), tuple(jobs), untrained)

    def _costs(
        self, plan: Plan, store: Store, evaluator: Evaluator, role: str, title: str, run: str, taught: _Taught
    ) -> Job:
        """A run that is to be computed; refused before the probe where it cannot fit."""
        split, where = plan.split, store.root
        job = None if plan.fit is None else training_job(plan, plan.fit.recipe, plan.model, Path(gettempdir()))
        teachers = [
            next((other.dense_bytes for other in taught.jobs if other.run == teacher.run), None)
            or int(store.result(teacher.run).cost["resident_bytes"])
            for teacher in plan.teaching.runs
            if teacher.run != SELF
        ]
        parts = list(memory_parts(plan, evaluator, job, program_bytes=self.program_bytes, teacher_bytes=sum(teachers)))
        disk = tuple(disk_parts(plan, evaluator))
        check_memory(title, parts)
        check_disk(title, disk, where)
        known, done = furthest(plan, store)
        keys = [step_key(plan, place + 1) for place in range(len(plan.recipe.steps))]
        taken = [place for place, key in enumerate(keys) if place < done or key in self._steps]
        timing = self._timing(plan, store, evaluator, taught.untrained or {}, taken)
        if timing.activation_bytes:
            parts.append(Part("activations of a step", timing.activation_bytes, "train.batch_size"))
        if timing.attached_bytes:
            parts.append(Part("stages at work inside", timing.attached_bytes, "compress.stages"))
        inside = [Part("inside of the fit", timing.fit_bytes, smaller_model(plan))] if timing.fit_bytes else []
        # What is carried on from smaller fits refuses nothing: it may grow less than they did.
        check_memory(title, parts if timing.carried else [*parts, *inside])
        parts += inside
        disk = tuple(disk_parts(plan, evaluator, timing.weight_bytes))
        steps = list(self._steps_of(plan, run, known, done, keys, timing))
        return Job(
            role, title, run, "planned", split.n_users, split.n_items, len(split.train), tuple(parts), disk,
            (*steps, Step("evaluate", timing.evaluation)), byte_sizes(plan.model)["resident_bytes"],
        )  # fmt: skip

    def _timing(
        self, plan: Plan, store: Store, evaluator: Evaluator, untrained: dict[str, Node], taken: list[int]
    ) -> Timing:
        """Of runs that differ in nothing but their seed one is probed."""
        if not self.probing:
            return Timing(((NOT_TIMED, ""),) * len(plan.recipe.steps), NOT_TIMED)
        key = canonical_json([{**plan.config(), "seed": None}, plan.split.fingerprint, taken])
        if key not in self._timings:
            self._timings[key] = probe(plan, store, evaluator, untrained, taken)
        return self._timings[key]

    def _steps_of(
        self, plan: Plan, run: str, known: str | None, done: int, keys: list[str], timing: Timing
    ) -> Iterator[Step]:
        for place, (step, (seconds, told)) in enumerate(zip(plan.recipe.steps, timing.steps, strict=True)):
            words = step.words if isinstance(step.words, str) else "+".join(step.words)
            if place < done:
                yield Step(words, Seconds(), "stored", f"taken from run {known}")
            elif keys[place] in self._steps:
                yield Step(words, Seconds(), "shared", f"taken from run {self._steps[keys[place]]}")
            else:
                self._steps[keys[place]] = run
                yield Step(words, seconds, "planned", told)

"""A compression recipe, typed: which steps a run goes through, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import nn

from rexp.api import Capability, Requirement
from rexp.api.compression import FITS, STORES_MASKS
from rexp.api.model import COUPLED_PARAMETERS, HIDDEN_UNITS
from rexp.errors import ConfigError, RexpError, did_you_mean
from rexp.nn.coupling import DotCoupling
from rexp.nn.embedding import EmbeddingTable
from rexp.nn.feature_embedding import FeatureEmbedding
from rexp.plugins import registry
from rexp.plugins.choice import Choice

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.plugins.options import Node, NodeView

TRAINING = ("fit", "finetune")
"""Reserved words of ``compress.order``."""


@dataclass(frozen=True)
class ConfiguredStage:
    """A stage of a recipe.

    Args:
        label: its key under ``compress.stages``.
        choice: the stage with its options.
    """

    label: str
    choice: Choice

    @property
    def name(self) -> str:
        return self.choice.name

    @property
    def plugin(self) -> Any:
        """The stage's class."""
        return self.choice.plugin

    @property
    def needs(self) -> frozenset[Requirement]:
        """Requirements of the stage under its options."""
        needs: frozenset[Requirement] = self.choice.make().needs
        return needs


@dataclass(frozen=True)
class TrainingStep:
    """A fit, or a fine-tune, with the stages that act inside it."""

    kind: str
    stages: tuple[ConfiguredStage, ...] = ()

    @property
    def words(self) -> Any:
        """The step as ``compress.order`` has it."""
        return [self.kind, *(stage.label for stage in self.stages)] if self.stages else self.kind


@dataclass(frozen=True)
class StageStep:
    """A stage that swaps modules, before the fit or after it."""

    stage: ConfiguredStage

    @property
    def stages(self) -> tuple[ConfiguredStage, ...]:
        return (self.stage,)

    @property
    def words(self) -> str:
        """The step as ``compress.order`` has it."""
        return self.stage.label


@dataclass(frozen=True)
class Recipe:
    """The steps of a run, in their order."""

    steps: tuple[TrainingStep | StageStep, ...] = field(default_factory=lambda: (TrainingStep("fit"),))

    @property
    def trains(self) -> bool:
        """Whether a step of it is a fit or a fine-tune."""
        return any(isinstance(step, TrainingStep) for step in self.steps)

    @property
    def finetunes(self) -> bool:
        """Whether a step is a fine-tune."""
        return any(isinstance(step, TrainingStep) and step.kind == "finetune" for step in self.steps)

    @property
    def first_fit(self) -> int:
        """The place of the step that makes a model out of initial weights: the fit, or a stage that stands for it."""
        fits = [place for place, step in enumerate(self.steps) if isinstance(step, TrainingStep) and step.kind == "fit"]
        return fits[0] if fits else next(place for place, step in enumerate(self.steps) if _stands_for_fit(step))

    @property
    def needs_teacher(self) -> bool:
        return self.needs(Requirement.TEACHER) or self.needs(Requirement.ONLINE)

    @property
    def stages(self) -> list[ConfiguredStage]:
        """The stages of all steps."""
        return [stage for step in self.steps for stage in step.stages]

    def needs(self, need: Requirement) -> bool:
        """Whether one of its stages does."""
        return any(need in stage.needs for stage in self.stages)

    def plain(self, steps: int | None = None) -> Node:
        """Plain values of the first ``steps`` of it, or of all."""
        taken = self.steps[:steps]
        stages = {stage.label: stage.choice.to_dict() for step in taken for stage in step.stages}
        return {"order": [step.words for step in taken], "stages": stages}


def plan_recipe(order: Sequence[Any], nodes: NodeView) -> Recipe:
    """The recipe of ``compress.order`` and ``compress.stages``.

    Raises:
        ConfigError: a step that is none, a stage that is not used, or an order that cannot work.
    """
    stages = {label: _staged(label, node) for label, node in nodes.items()}
    steps = tuple(_step(words, stages) for words in order)
    used = {stage.label for step in steps for stage in step.stages}
    for label in stages:
        if label not in used:
            raise ConfigError(
                f"compress.stages.{label} is no step of compress.order={_text(order)}; put it there, or leave it out"
            )
    _check_repeats(steps, order)
    _check_order(steps, order)
    return Recipe(steps)


def control_recipe(recipe: Recipe) -> Recipe:
    """The fair control of a recipe: its steps and epochs, without what acts inside a fit and what stores its masks.

    Where a teacher alone makes the student, the control is fitted.
    """

    def left(place: int, step: TrainingStep | StageStep) -> TrainingStep | StageStep | None:
        if isinstance(step, TrainingStep):
            return TrainingStep(step.kind)
        if Requirement.TEACHER in step.stage.plugin.needs:
            return TrainingStep("fit") if place == recipe.first_fit else None
        return None if STORES_MASKS.of(step.stage.plugin) else step

    kept = (left(place, step) for place, step in enumerate(recipe.steps))
    return Recipe(tuple(step for step in kept if step))


def _stands_for_fit(step: TrainingStep | StageStep) -> bool:
    """A stage that leaves a finished model, which needs no training."""
    return isinstance(step, StageStep) and FITS.of(step.stage.plugin)


def check_model(recipe: Recipe, model: RecommenderModule, name: str, *, validated: bool) -> None:
    """Refuse stages that the model cannot serve, and say why.

    Args:
        recipe: its stages are checked.
        model, name: what they will work on.
        validated: the data has a validation part.

    Raises:
        ConfigError: naming the stage, what it needs, and a way out.
    """
    capabilities = model.capabilities()
    closed = Capability.CLOSED_FORM in capabilities
    has = {
        Requirement.TABLES: any(isinstance(part, EmbeddingTable) for part in model.modules()),
        Requirement.LINEAR: any(isinstance(part, nn.Linear) for part in model.modules()),
        Requirement.VECTORS: Capability.HAS_EMBEDDINGS in capabilities,
        Requirement.READERS: bool(COUPLED_PARAMETERS.of(model)()),
        Requirement.DOT: _is_dot_product(model),
        Requirement.FEATURES: any(isinstance(part, FeatureEmbedding) for part in model.modules()),
        Requirement.HIDDEN: bool(HIDDEN_UNITS.of(model)()),
        Requirement.TEACHER: True,
        Requirement.PAIRS: True,
        Requirement.ONLINE: True,
        Requirement.INITIAL: True,
        Requirement.VALIDATION: validated and not closed,
    }
    what = {
        Requirement.TABLES: "an embedding table (as mf, ncf, lightgcn have; rexp.api.embedding_table makes one)",
        Requirement.LINEAR: "a linear layer (as ncf with a tower, two_tower, sasrec have)",
        Requirement.VECTORS: "vectors of users and items (as mf, lightgcn, two_tower have)",
        Requirement.READERS: "tables that are read in a way it knows (as mf, ncf, lightgcn have)",
        Requirement.DOT: "two tables that meet in one dot product alone (as mf, and ncf with variant=gmf, have)",
        Requirement.HIDDEN: "hidden units (as ncf with a tower, two_tower, multvae, sasrec have)",
        Requirement.FEATURES: "features of users or items (as two_tower reads where the data has them)",
    }
    for step in recipe.steps:
        if closed and isinstance(step, TrainingStep) and (step.stages or step.kind == "finetune"):
            raise ConfigError(f"model={name} is fitted in closed form: no stage acts inside its fit, and none follows")
        for stage in step.stages:
            for need in (need for need in Requirement if need in stage.needs):  # a set's own order is chance
                if need is Requirement.VALIDATION and not has[need]:
                    raise ConfigError(
                        f"stage '{stage.label}' ({stage.name}) measures the model on a validation part: take a split "
                        "with one (data/split=leave_last data.split.valid=1) and a model that is trained by epochs"
                    )
                if not has[need]:
                    others = ", ".join(_of_phase(stage.plugin.phase, has))
                    raise ConfigError(
                        f"stage '{stage.label}' ({stage.name}) needs {what[need]}; model={name} has none"
                        + (f", and can take {others}" if others else "")
                    )


def _is_dot_product(model: RecommenderModule) -> bool:
    """Whether all that the model reads of its tables are the columns of one dot product."""
    readers = COUPLED_PARAMETERS.of(model)()
    return len(readers) == 1 and isinstance(readers[0], DotCoupling)


def _of_phase(phase: str, has: Mapping[Requirement, bool]) -> Iterator[str]:
    """The stages of a phase that a model can serve, by their defaults."""
    for name in registry.names("stage"):
        try:
            plugin: Any = registry.load("stage", name)
        except RexpError:  # somebody's plugin is broken, which is not what this is about
            continue
        if plugin.phase == phase and all(has[need] for need in plugin.needs):
            yield name


def _staged(label: str, node: Any) -> ConfiguredStage:
    where = f"compress.stages.{label}"
    if not isinstance(node, Mapping) or not isinstance(node.get("name"), str):
        raise ConfigError(f"{where} names no stage; choose one with +compress/stage@{where}=NAME")
    return ConfiguredStage(label, Choice.of("stage", node, where))


def _step(words: Any, stages: Mapping[str, ConfiguredStage]) -> TrainingStep | StageStep:
    if isinstance(words, str):
        if words in TRAINING:
            return TrainingStep(words)
        stage = _named(words, stages)
        if stage.plugin.phase == "train":
            raise ConfigError(f"stage '{words}' ({stage.name}) acts inside a fit: write [fit, {words}] as one step")
        return StageStep(stage)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"compress.order holds {words!r}; a step is a word, or a list of words")
    kinds = [word for word in words if word in TRAINING]
    if len(kinds) != 1:
        raise ConfigError(
            f"compress.order holds {_text(words)}: a list is one fit, with 'fit' or 'finetune' in it once"
        )
    inside = tuple(_named(word, stages) for word in words if word not in TRAINING)
    for stage in inside:
        if stage.plugin.phase != "train":
            raise ConfigError(
                f"stage '{stage.label}' ({stage.name}) does not act inside a fit; make it a step of its own, "
                + ("before the fit" if stage.plugin.phase == "build" else "after it")
            )
    return TrainingStep(kinds[0], inside)


def _named(word: str, stages: Mapping[str, ConfiguredStage]) -> ConfiguredStage:
    if word not in stages:
        raise ConfigError(
            f"compress.order names '{word}', which is no stage; {did_you_mean(word, [*stages, *TRAINING])}"
        )
    return stages[word]


def _check_order(steps: Sequence[TrainingStep | StageStep], order: Sequence[Any]) -> None:
    fits = [step for step in steps if isinstance(step, TrainingStep) and step.kind == "fit"]
    if len(fits) != 1 and (fits or not any(map(_stands_for_fit, steps))):
        raise ConfigError(f"compress.order={_text(order)} needs 'fit' once; what trains after it is 'finetune'")
    first = Recipe(tuple(steps)).first_fit
    frozen: ConfiguredStage | None = None
    for place, step in enumerate(steps):
        before = place <= first  # of a stage: one that stands for the fit is before what takes its result
        for stage in step.stages if before else ():
            if Requirement.VALIDATION in stage.needs:
                raise ConfigError(
                    f"compress.order={_text(order)}: '{stage.label}' ({stage.name}) measures a fitted model; put it "
                    "into a fine-tune, or after the fit, or give a number in the place of auto"
                )
        if isinstance(step, TrainingStep):
            if place < first:
                raise ConfigError(f"compress.order={_text(order)}: there is nothing to fine-tune before the fit")
            if frozen:
                raise ConfigError(
                    f"compress.order={_text(order)}: nothing can be trained after '{frozen.label}' ({frozen.name})"
                )
            continue
        phase = step.stage.plugin.phase
        if before != (phase == "build"):
            where = (
                "before the fit, whose tables it makes" if phase == "build" else "after the fit, whose result it takes"
            )
            raise ConfigError(
                f"compress.order={_text(order)}: '{step.stage.label}' ({step.stage.name}) belongs {where}"
            )
        if not step.stage.plugin.trainable_after:
            frozen = step.stage


def _check_repeats(steps: Sequence[TrainingStep | StageStep], order: Sequence[Any]) -> None:
    """Refuse a stage that stands twice where the second place could only do what the first has done."""
    since: set[str] = set()  # what has been applied since the model was last trained
    trained_beside: set[str] = set()
    for step in steps:
        labels = [stage.label for stage in step.stages]
        if isinstance(step, TrainingStep):
            since.clear()
        for stage in step.stages:
            twice = f"compress.order={_text(order)} has '{stage.label}' twice"
            if labels.count(stage.label) > 1:
                raise ConfigError(f"{twice} in {_text(labels)}; give each its own key in stages")
            if stage.label in since:
                raise ConfigError(f"{twice} and trains nothing between them; leave one out")
            if stage.label in trained_beside:
                raise ConfigError(f"{twice}, but its teacher is trained within one step and would begin anew")
            if isinstance(step, StageStep):
                since.add(stage.label)
            elif Requirement.ONLINE in stage.plugin.needs:
                trained_beside.add(stage.label)


def _text(words: Sequence[Any]) -> str:
    """A list as it is written on the command line."""
    return "[" + ",".join(_text(word) if isinstance(word, list) else str(word) for word in words) + "]"

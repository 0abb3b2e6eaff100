"""Resolved plan of a job: typed, reduced to what it uses, and hashed into the run id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rexp import api
from rexp.api import Capability, Requirement
from rexp.api.model import TAKE_PARTS
from rexp.api.training import TARGET
from rexp.config.fit import Fit, plan_fit
from rexp.config.job import FITTING, MODEL_RESERVED, Request
from rexp.config.rating_metrics import check_rating_metrics
from rexp.config.recipe import Recipe, check_model
from rexp.config.retriever import TEACHER, Retrieving, plan_retrieval
from rexp.config.teachers import Teachers
from rexp.config.validation import validation_config
from rexp.config.without_effect import without_effect
from rexp.errors import ConfigError
from rexp.evaluate.context_rule import check_context, resolve_context
from rexp.evaluate.protocol import identity as rules_of
from rexp.evaluate.protocol import resolve as resolve_protocol
from rexp.evaluate.protocol import used
from rexp.io.content_hash import hashes
from rexp.metrics.direction import metric_name
from rexp.plugins.choice import Choice
from rexp.plugins.memory import check_size
from rexp.plugins.side_files import Found, as_identity, side_files
from rexp.plugins.used_code import as_words, used_code
from rexp.prepare.sources import plugins_of
from rexp.store.installed import check_installed
from rexp.store.result import teacher_runs
from rexp.train.config import IDENTITY_OF_DEVICE, FitConfig
from rexp.train.rng import seed_everything

if TYPE_CHECKING:
    from rexp.api import RecommenderModule
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.plugins.options import Node
    from rexp.store.store import Store


NOBODY = Teachers()
# Keys of a recipe that only say what is looked at, where nothing is chosen by it.
WATCHING = ("monitor", "validate_every", "validate_on", "select_on_test")


@dataclass(frozen=True)
class Plan:
    """One job, resolved.

    Args:
        request: what was asked for.
        split: the data.
        model: freshly initialized under the seed.
        choice: the model's name and typed options.
        source: run id, or run ids by role, whose weights the model starts from; or None.
        parts: ids of the runs whose models the model is made of.
        fit: how it is trained; None for a closed-form model, and where no step trains.
        teaching: who teaches; nobody where no stage asks it.
        retrieving: where candidates come from in the protocol two_stage; else None.
        notices: one line for each thing that was asked for and is not used.
        loaded: kinds and names of the plugins behind each stored run whose model takes part, by the run's id.
    """

    request: Request
    split: Split
    model: RecommenderModule
    choice: Choice
    source: str | Mapping[str, str] | None
    parts: tuple[str, ...]
    fit: Fit | None
    teaching: Teachers
    retrieving: Retrieving | None
    notices: tuple[str, ...]
    loaded: Mapping[str, tuple[tuple[str, str], ...]]

    def config(self) -> Node:
        """The typed configuration: what a table may average over differs in nothing but ``seed`` here."""
        fit: Node | None = None
        if self.fit:
            fit = self.fit.plain()
        return {
            "seed": self.request.seed,
            "data": {k: v for k, v in self.request.data.items() if k != "strict"},
            "model": self.choice.to_dict(),
            "init_from": self.source,
            **({"runs": list(self.parts)} if self.parts else {}),
            "fit": fit,
            **{key: getattr(self.request.device, key) for key in IDENTITY_OF_DEVICE},
            "evaluate": used(self.request.evaluate, self.split),
            "retriever": self.retrieving.plain() if self.retrieving else None,
            "teacher": self.teaching.plain(),
            **({"ensemble": self.teaching.ensemble} if self.teaching.ensemble != "mean" else {}),
            "compress": self._compression(None),
        }

    def _compression(self, steps: int | None) -> Node:
        """The first steps of the recipe, and what the fine-tunes among them do otherwise than the fit."""
        plain, recipes = self.recipe.plain(steps), self._recipes(steps)
        if self.fit and self._measures(steps):
            plain["monitor"] = self.fit.recipe.monitor  # which the fit itself may have no use for
        if len(recipes) < 2:
            return plain
        fit, finetune = (recipe.plain() for recipe in recipes)
        return {**plain, "finetune": {key: value for key, value in finetune.items() if value != fit[key]}}

    def _measures(self, steps: int | None) -> bool:
        """Whether a stage of the first steps looks at the validation part."""
        return Recipe(self.recipe.steps[:steps]).needs(Requirement.VALIDATION)

    def _recipes(self, steps: int | None) -> list[FitConfig]:
        """How the first steps train: the fit, and the fine-tunes where there are any."""
        taken = self.recipe.steps[:steps]
        if self.fit is None or not Recipe(taken).trains:
            return []
        finetunes = [replace(self.fit.recipe, **self.request.finetune)] if Recipe(taken).finetunes else []
        return [self.fit.recipe, *finetunes]

    def _watched(self, recipe: FitConfig) -> Node:
        """The rules by which an epoch is chosen."""
        rules = validation_config(self.request.evaluate, self.split)
        part: Part = "test" if recipe.validate_on == "test" else "valid"
        protocol = resolve_protocol(rules, self.split)
        return rules_of(protocol, rules, part, resolve_context(rules, self.split, protocol))

    def control(self) -> Node | None:
        """``compress`` of the fair control of this run; None where there is nothing to leave out."""
        other = replace(self, request=replace(self.request, control=True))
        control = other._compression(None)
        return control if control != self._compression(None) else None

    @property
    def recipe(self) -> Recipe:
        """The steps of the run."""
        return self.request.recipe

    def steps_identity(self, steps: int) -> Node:
        """Identity of the weights after the first ``steps``; of the evaluation only what selects the epoch."""
        config = {key: node for key, node in self.config().items() if key not in ("evaluate", "retriever")}
        config["compress"] = self._compression(steps)
        if not Recipe(self.recipe.steps[:steps]).needs_teacher:
            config["teacher"] = None
            config.pop("ensemble", None)
        recipes = self._recipes(steps)
        config["watched"] = [self._watched(recipe) for recipe in recipes if recipe.chooses]
        if recipes and self._measures(steps):
            config["watched"].append(self._watched(replace(recipes[0], validate_on="valid")))
        if not recipes:
            config["fit"] = None
        elif not config["watched"]:
            config["fit"] = {key: value for key, value in config["fit"].items() if key not in WATCHING}
        return self._identified(config)

    def identity(self) -> Node:
        """Identity of a run: typed configuration, data fingerprint and code version."""
        return self._identified(self.config())

    def _identified(self, config: Node) -> Node:
        data = {"name": self.split.name, "fingerprint": self.split.fingerprint}
        plugins = list(self._plugins(config))
        identity = {
            "config": {**config, "data": data},
            "plugins": as_words(plugins),
            "code": used_code(plugins, folder=self.request.cache),
        }
        files = as_identity(self.side_files(config))
        return {**identity, "files": files} if files else identity

    def _plugins(self, config: Node) -> Iterator[tuple[str, str]]:
        """Kind and name of every plugin whose code a typed configuration comes to."""
        yield from plugins_of(self.request.data)
        yield "model", config["model"]["name"]
        fit = config["fit"] or {}
        yield from ((kind, fit[kind]["name"]) for kind in FITTING if fit.get(kind))
        yield from (("stage", stage["name"]) for stage in config["compress"]["stages"].values())
        rules = config.get("evaluate", {})
        yield from (("metric", name) for key in ("metrics", "row_metrics") for name in rules.get(key, ()))
        if self.fit and config.get("watched"):
            yield "metric", metric_name(self.fit.recipe.monitor)
        if retriever := config.get("retriever"):
            yield "retriever", retriever["name"]
        if self.teaching.online and config["teacher"]:
            yield "model", self.teaching.online["name"]
        for run in _loaded_runs(config):
            yield from self.loaded[run]

    def side_files(self, config: Node | None = None) -> Found:
        """The files that options of the run name, other than its data."""
        named = {key: node for key, node in (config or self.config()).items() if key != "data"}
        return side_files(named, "", hashes(self.request.cache))


def resolve(
    request: Request,
    split: Split,
    store: Store,
    *,
    parts: Mapping[str, RecommenderModule] | None = None,
    teaching: Teachers = NOBODY,
    sweeping: bool,
) -> Plan:
    """Load the plugins, check their options, drop what the run does not use.

    Args:
        parts: the models of ``model.runs`` by the runs' ids.
        teaching: who teaches, where a stage needs it.

    Raises:
        ConfigError: see :func:`rexp.plugins.options.from_options`; or, in a single run, an override of training for
            a model that needs none.
    """
    node = request.model
    choice = Choice.of("model", node, "model", MODEL_RESERVED)
    check_size(lambda: choice.make(split.spec), "model")
    seed_everything(request.seed)
    model: RecommenderModule = choice.make(split.spec)
    api.adopt_embeddings(model)  # through the package, which imports torch for it only now
    give_parts(model, parts or {}, node["name"], "model")
    capabilities = model.capabilities()
    if Capability.NEEDS_TRAIN_DATA in capabilities:
        model.bind(split)
    notices: list[str] = []
    fit: Fit | None = None
    closed = Capability.CLOSED_FORM in capabilities
    if request.recipe.trains and not closed:
        fit = plan_fit(request, capabilities, split, notices)
    elif request.overrides:
        why = f"model={node['name']} is fitted in closed form" if closed else "no step of compress.order trains"
        text = f"{why} and uses no "
        # What a chosen file (train=quick, experiment=...) brings along was not asked of this model.
        typed = [key for key in request.overrides if key in request.typed]
        if typed and not sweeping:
            raise ConfigError(f"{text}{', '.join(typed)}; leave that out")
        notices.append(text + ", ".join(request.overrides))
    told = Capability.PREDICTS_RATINGS in capabilities or TARGET.of(choice.config) != "implicit"
    if split.labeled and not told and (closed or (fit and fit.loss is None)):
        notices.append(
            f"model={node['name']} takes every training row of data={split.name} for a positive, labels of 0 too"
        )
    check_model(request.recipe, model, node["name"], validated=len(split.valid) > 0)
    if request.evaluate.catalogue == "cold" and Capability.COLD_ITEMS not in capabilities and not request.recipe.stages:
        notices.append(f"model={node['name']} knows nothing of cold items, which evaluate.catalogue=cold ranks alone")
    protocol = resolve_protocol(request.evaluate, split)
    if Capability.LISTS_ONLY in capabilities and protocol != "full":
        raise ConfigError(
            f"evaluate={protocol}: model={node['name']} has lists alone, which say nothing of most candidates and "
            "rows; take evaluate=full"
        )
    check_rating_metrics(request, split, capabilities, fit)
    context = resolve_context(request.evaluate, split, protocol)
    check_context(context, capabilities, f"model={node['name']}")
    if not request.recipe.needs_teacher and request.teachers:
        names = [f"{key}={node.get('name', node.get('from'))}" for key, node in request.teachers.items()]
        text = f"{', '.join(names)} is used by no stage of compress.order"
        # What an experiment brings along was not asked for by name, and a control leaves its teacher out.
        groups = {key.split("@")[-1].split(".")[0] for key in request.typed}
        named = not request.control and not groups.isdisjoint({"teacher", "teachers"})
        if named and not sweeping:
            raise ConfigError(f"{text}; choose a recipe with one (compress=kd), or leave the teacher out")
        notices.append(text)
    if not sweeping and (idle := without_effect(request, fit.recipe if fit else None, used(request.evaluate, split))):
        notices.append(f"without effect in this run: {', '.join(idle)}")
    retrieving = plan_retrieval(request, store, teaching, notices, sweeping=sweeping)
    source = _source(node.get("init_from"), store)
    plan = Plan(
        request, split, model, choice, source, tuple(parts or ()), fit, teaching, retrieving, tuple(notices), {}
    )
    return replace(plan, loaded={run: plugins_behind(store, run) for run in _loaded_runs(plan.config())})


def give_parts(model: RecommenderModule, parts: Mapping[str, RecommenderModule], name: str, where: str) -> None:
    """Make a model of the models of stored runs.

    Args:
        model: as it was built.
        parts: by the runs' ids.
        name: the model's.
        where: the key of its node, for messages.

    Raises:
        ConfigError: it has no parts, or needs some.
    """
    take = TAKE_PARTS.of(model)
    if parts and take is None:
        raise ConfigError(f"model={name} is not made of stored runs; leave {where}.runs out")
    if take is not None:
        if not parts:
            raise ConfigError(f"model={name} is made of stored runs: name them with {where}.runs=[RUN,RUN]")
        take(list(parts.values()))


def _loaded_runs(config: Node) -> set[str]:
    """Stored runs whose models take part: teachers, parts, fused sources, and those that retrieve or rank."""
    source, retriever = config["init_from"], config.get("retriever") or {}
    named = {retriever.get("from"), retriever.get("ranker")} - {None, TEACHER, "item_features"}
    return {
        *teacher_runs(config),
        *config.get("runs", ()),
        *(source.values() if isinstance(source, Mapping) else ()),
        *named,
    }


def plugins_behind(store: Store, run: str) -> tuple[tuple[str, str], ...]:
    """The plugins that a stored run's model is made of."""
    check_installed(store, run)
    result = store.result(run)
    stages = result.config["compress"]["stages"].values()
    behind = [plugin for part in result.runs for plugin in plugins_behind(store, part)]
    return ("model", result.model_name), *(("stage", stage["name"]) for stage in stages), *behind


def _source(named: Any, store: Store) -> str | dict[str, str] | None:
    """``model.init_from`` with whole run ids, so that a prefix and the id it stands for are one run."""
    if named is None:
        return None
    if isinstance(named, Mapping):
        return {str(role): store.resolve(str(run)) for role, run in named.items()}
    return store.resolve(str(named))

"""What a job comes to once its plugins are loaded: typed, without what it does not use, and hashed into the run id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rexp import registry
from rexp.api import Capability
from rexp.config.request import MODEL_RESERVED, Node, Request
from rexp.config.typed import build
from rexp.config.watched import between_epochs, measured
from rexp.errors import ConfigError
from rexp.evaluate.protocol import identity as rules_of
from rexp.evaluate.protocol import resolve as resolve_protocol
from rexp.train.recipe import IDENTITY_OF_DEVICE, FitConfig, check_recipe

if TYPE_CHECKING:
    from torch import nn

    from rexp.data.split import Part, Split
    from rexp.store.store import Store


RETRIEVER_RESERVED = ("from", "n_candidates", "ranker")

# Keys of a recipe that only say what is looked at, where nothing is chosen by it.
WATCHING = ("monitor", "every", "watch", "select_on_test")


@dataclass(frozen=True)
class Fit:
    """A training recipe with its plugins' typed configurations.

    Args:
        recipe: the numbers.
        loss, sampler: (name, typed configuration), or None where the model brings its own loss.
    """

    recipe: FitConfig
    loss: tuple[str, Any] | None
    sampler: tuple[str, Any] | None


@dataclass(frozen=True)
class Retrieving:
    """The first of two stages, typed.

    Args:
        name, config: the retriever and its options.
        n_candidates: candidates of a user.
        source: run whose model's vectors are indexed, "item_features", or None for the run's own model.
        ranker: run whose model ranks; None for the run's own model.
    """

    name: str
    config: Any
    n_candidates: int
    source: str | None
    ranker: str | None


@dataclass(frozen=True)
class Plan:
    """One job, resolved.

    Args:
        request: what was asked for.
        split: the data.
        model: freshly initialised under the seed.
        model_config: its typed configuration.
        source: run id, or run ids by role, whose weights the model starts from; or None.
        fit: how it is trained; None for a closed-form model.
        retrieving: where candidates come from in the protocol two_stage; else None.
        notices: one line for each thing that was asked for and is not used.
    """

    request: Request
    split: Split
    model: nn.Module
    model_config: Any
    source: str | Mapping[str, str] | None
    fit: Fit | None
    retrieving: Retrieving | None
    notices: tuple[str, ...]

    def config(self) -> Node:
        """The typed configuration: what a table may average over differs in nothing but ``seed`` here."""
        fit: Node | None = None
        if self.fit:
            fit = {**asdict(self.fit.recipe), "loss": _typed(self.fit.loss), "sampler": _typed(self.fit.sampler)}
        return {
            "seed": self.request.seed,
            "data": {k: v for k, v in self.request.data.items() if k != "strict"},
            "model": {"name": self.request.model["name"], **asdict(self.model_config)},
            "from": self.source,
            "fit": fit,
            **{key: getattr(self.request.device, key) for key in IDENTITY_OF_DEVICE},
            "evaluate": {k: v for k, v in asdict(self.request.evaluate).items() if k != "block_bytes"},
            "retriever": asdict(self.retrieving) if self.retrieving else None,
            "compress": {"order": self.request.order},
        }

    def fit_identity(self) -> Node:
        """What the fitted weights depend on; of the evaluation only what chooses the epoch."""
        config = {key: node for key, node in self.config().items() if key not in ("evaluate", "retriever")}
        recipe = self.fit.recipe if self.fit else None
        if recipe and (recipe.select == "best" or recipe.patience):
            rules = between_epochs(self.request.evaluate)
            part: Part = "test" if recipe.watch == "test" else "valid"
            config["watched"] = rules_of(resolve_protocol(rules, self.split), rules, part)
        elif recipe:
            config["fit"] = {key: value for key, value in config["fit"].items() if key not in WATCHING}
        return self._identified(config)

    def identity(self) -> Node:
        """What the run id hashes: the typed configuration, the data's content, the code."""
        return self._identified(self.config())

    def _identified(self, config: Node) -> Node:
        data = {"name": self.split.name, "fingerprint": self.split.fingerprint}
        return {"config": {**config, "data": data}, "code": self.request.code()}


@dataclass
class RetrieverNode:
    """What a retriever's node holds beside the plugin's options; ``source`` is its key ``from``."""

    source: str | None = None
    n_candidates: int = 100
    ranker: str | None = None

    def __post_init__(self) -> None:
        if self.n_candidates < 1:
            raise ValueError(f"n_candidates={self.n_candidates} must be 1 or more")


def _typed(part: tuple[str, Any] | None) -> Node | None:
    return None if part is None else {"name": part[0], **asdict(part[1])}


def resolve(request: Request, split: Split, store: Store, *, sweeping: bool) -> Plan:
    """Load the plugins, check their options, drop what the run does not use.

    Raises:
        ConfigError: see :func:`rexp.config.typed.build`; or, in a single run, an override of training for a model that
            needs none.
    """
    import torch

    node = request.model
    options = {key: value for key, value in node.items() if key not in MODEL_RESERVED}
    model_class = registry.load("model", node["name"])
    model_config = build(model_class.Config, options, "model")  # type: ignore[attr-defined]
    torch.manual_seed(request.seed)
    model: nn.Module = model_class(model_config, split.spec)
    capabilities = model.capabilities()  # type: ignore[operator]
    if Capability.READS_TRAIN in capabilities:
        model.observe(split)  # type: ignore[operator]
    notices: list[str] = []
    fit: Fit | None = None
    if Capability.FITS_DIRECTLY not in capabilities:
        fit = _for_ratings(_fit(request, capabilities), request)
        fit = _without_validation(fit, request, split, notices)
        fit = _watching(fit, request, split)
        check_recipe(fit.recipe)
    elif request.overrides:
        text = f"model={node['name']} is fitted in closed form and uses no {', '.join(request.overrides)}"
        if not sweeping:
            raise ConfigError(f"{text}; leave that out")
        notices.append(text)
    for step in request.order:
        _check_step(step)
    if request.raw["teacher"] or request.raw["compress"]["stages"]:
        raise ConfigError(
            "teacher and compress.stages are set, but no step of compress.order uses them; leave them out"
        )
    retrieving = _retrieving(request, store, notices, sweeping=sweeping)
    source = _source(node.get("from"), store)
    return Plan(request, split, model, model_config, source, fit, retrieving, tuple(notices))


def _source(named: Any, store: Store) -> str | dict[str, str] | None:
    """``model.from`` with whole run ids, so that a prefix and the id it stands for are one run."""
    if named is None:
        return None
    if isinstance(named, Mapping):
        return {str(role): store.resolve(str(run)) for role, run in named.items()}
    return store.resolve(str(named))


def _fit(request: Request, capabilities: frozenset[Capability]) -> Fit:
    own = dict(request.model.get("fit") or {})
    merged = {**own, **request.train}
    recipe = build(FitConfig, {**merged, "loss": None, "sampler": None}, "model.fit")
    loss_node = request.loss or own.get("loss")
    sampler_node = request.sampler or own.get("sampler")
    if Capability.OWN_LOSS in capabilities and request.loss is None:
        loss_node = None
    elif loss_node is None:
        raise ConfigError(f"model={request.model['name']} names no loss; choose one with loss=NAME")
    if sampler_node is None and loss_node is not None:
        raise ConfigError(f"model={request.model['name']} names no sampler; choose one with sampler=NAME")
    return Fit(recipe, _plugin("loss", loss_node), _plugin("sampler", sampler_node))


def _for_ratings(fit: Fit, request: Request) -> Fit:
    """A loss whose target is the rating learns from rated rows only: there are no negatives to draw."""
    if fit.loss is None or getattr(fit.loss[1], "target", "implicit") != "rating":
        return fit
    if request.sampler is not None:
        raise ConfigError(f"loss={fit.loss[0]} with target=rating draws no negatives; leave sampler= out")
    return replace(fit, sampler=None)


def _plugin(kind: str, node: Node | None) -> tuple[str, Any] | None:
    if node is None:
        return None
    options = {key: value for key, value in node.items() if key != "name"}
    return node["name"], build(registry.load(kind, node["name"]).Config, options, kind)  # type: ignore[attr-defined]


def _without_validation(fit: Fit, request: Request, split: Split, notices: list[str]) -> Fit:
    """A split without a validation part cannot choose an epoch: the last one is taken, and that is said."""
    recipe = fit.recipe
    if len(split.valid) or recipe.watch != "valid":
        return fit
    if request.train.get("patience"):
        raise ConfigError(
            f"data={split.name} has no validation part, so train.patience={recipe.patience} has nothing to watch; "
            "choose a split with one (data/split=leave_last data.split.valid=1) or leave it out"
        )
    if recipe.select == "best":
        notices.append(f"data={split.name} has no validation part: the last epoch is taken instead of the best")
        recipe = replace(recipe, select="last")
    return replace(fit, recipe=replace(recipe, watch="none", patience=0))


def _watching(fit: Fit, request: Request, split: Split) -> Fit:
    """The metric that chooses the epoch: the one that was named, else the first that is measured."""
    from rexp.train.selection import monitored

    recipe = fit.recipe
    names = measured(request.evaluate, split)
    if "monitor" not in {**(request.model.get("fit") or {}), **request.train} and names:
        recipe = replace(recipe, monitor=names[0].partition("|")[0])
    if recipe.select == "best" or recipe.patience:
        monitored(dict.fromkeys(names, 0.0), recipe.monitor)
    return replace(fit, recipe=recipe)


def _retrieving(request: Request, store: Store, notices: list[str], *, sweeping: bool) -> Retrieving | None:
    """The retriever's node, typed, where the protocol has a use for it."""
    node = request.retriever
    if request.evaluate.protocol != "two_stage":
        if node is not None:
            text = f"retriever={node['name']} is used by evaluate=two_stage alone"
            if not sweeping:
                raise ConfigError(f"{text}; add that, or leave it out")
            notices.append(text)
        return None
    if node is None:
        raise ConfigError("evaluate=two_stage needs a retriever; choose one with retriever=flat")
    reserved = build(RetrieverNode, {k.replace("from", "source"): node.get(k) for k in RETRIEVER_RESERVED}, "retriever")
    options = {key: value for key, value in node.items() if key not in ("name", *RETRIEVER_RESERVED)}
    config = build(registry.load("retriever", node["name"]).Config, options, "retriever")  # type: ignore[attr-defined]
    source = reserved.source if reserved.source in (None, "item_features") else store.resolve(reserved.source)
    ranker = None if reserved.ranker is None else store.resolve(reserved.ranker)
    return Retrieving(node["name"], config, reserved.n_candidates, source, ranker)


def _check_step(step: Any) -> None:
    if step == "fit":
        return
    if isinstance(step, str):
        registry.find("stage", step)
    raise ConfigError(f"compress.order holds {step!r}; the step this version runs is 'fit'")

"""The fit configuration: a model's own recipe with the root's overrides, validated as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from rexp.api import Capability
from rexp.api.training import TARGET
from rexp.config.validation import validation_metrics
from rexp.errors import ConfigError
from rexp.plugins import registry
from rexp.plugins.choice import Choice
from rexp.plugins.options import from_options
from rexp.train.config import FitConfig, check_recipe
from rexp.train.model_selection import monitored
from rexp.train.resample import positives_of
from rexp.train.training_rows import check_weighted, training_rows

if TYPE_CHECKING:
    from rexp.config.job import Request
    from rexp.data.split import Split
    from rexp.plugins.options import Node


@dataclass(frozen=True)
class Fit:
    """A training recipe with its plugins' typed configurations.

    Args:
        recipe: the numbers.
        loss, sampler: with their options, or None where the model brings its own loss.
    """

    recipe: FitConfig
    loss: Choice | None
    sampler: Choice | None

    def plain(self) -> Node:
        """Plain values, as the stored configuration has them."""
        return {**self.recipe.plain(), "loss": _plain(self.loss), "sampler": _plain(self.sampler)}


def plan_fit(request: Request, capabilities: frozenset[Capability], split: Split, notices: list[str]) -> Fit:
    """The recipe of a trained model.

    Args:
        request: what was asked for.
        capabilities: the model's.
        split: without a validation part no epoch can be chosen.
        notices: takes a line for what is done otherwise than the recipe says.

    Raises:
        ConfigError: an unknown key or plugin, or a recipe that contradicts itself or the data.
    """
    fit = _without_negatives(_for_labels(_merged(request, capabilities), request, split, notices), request)
    fit = _without_validation(fit, request, split, notices)
    fit = _decaying(_watching(fit, request, split), request)
    check_recipe(fit.recipe)
    positives_of(split, fit.recipe, fit.loss)
    if fit.recipe.weights != "none":
        check_weighted(fit.recipe.weights, _costs(fit, request))
        training_rows(split, fit.loss, fit.recipe.weights)
    return fit


def _costs(fit: Fit, request: Request) -> type:
    """The class that says what a row costs: the loss, or a model that brings its own."""
    found: type = registry.load("model", request.model["name"]) if fit.loss is None else fit.loss.plugin
    return found


def merged(request: Request, where: str = "model.fit") -> Fit:
    """The model's own recipe and what the root says, typed, whatever the model has use for.

    Args:
        request: what was asked for.
        where: the key of the model's own recipe, for messages.

    Raises:
        ConfigError: an unknown key or plugin, or a value that is not allowed.
    """
    own = dict(request.model.get("fit") or {})
    options = {**own, **request.train, "loss": None, "sampler": None}
    recipe = from_options(FitConfig, options, where)
    parts = {kind: _over(own.get(kind), getattr(request, kind)) for kind in ("loss", "sampler")}
    typed = {kind: _plugin(kind, node) for kind, node in parts.items()}
    return Fit(recipe, typed["loss"], typed["sampler"])


def _merged(request: Request, capabilities: frozenset[Capability]) -> Fit:
    """What of it the model has use for."""
    fit = merged(request)
    if Capability.OWN_LOSS in capabilities and request.loss is None:
        fit = replace(fit, loss=None)
    elif fit.loss is None:
        raise ConfigError(f"model={request.model['name']} names no loss; choose one with loss=NAME")
    if fit.sampler is None and fit.loss is not None:
        raise ConfigError(f"model={request.model['name']} names no sampler; choose one with sampler=NAME")
    return fit


def _over(own: Node | None, root: Node | None) -> Node | None:
    """What the root chose; of the model's own plugin only what the root says of it, for null there says nothing."""
    if root is None or own is None or own.get("name") != root["name"]:
        return root or own
    return {**own, **{key: value for key, value in root.items() if value is not None}}


def _for_labels(fit: Fit, request: Request, split: Split, notices: list[str]) -> Fit:
    """Labeled rows bring their negatives: a loss that would draw some reads the labels.

    Raises:
        ConfigError: the loss ranks positives over drawn negatives, or that was asked for.
    """
    if not split.labeled or fit.loss is None or TARGET.of(fit.loss.config) != "implicit":
        return fit
    asked, options = (request.loss or {}).get(TARGET.name), asdict(fit.loss.config)
    if asked is not None or TARGET.name not in options:
        how = f"loss={fit.loss.name}" + (f" loss.target={asked}" if asked else "")
        raise ConfigError(
            f"{how} takes every row for a positive and draws negatives, and data={split.name} has its own: "
            "take loss=bce loss.target=label, or leave them out with data.filter.min_rating=1"
        )
    notices.append(f"data={split.name} has negatives of its own: loss.target=label, and none are drawn")
    options |= {TARGET.name: "label"} | ({"layout": "pointwise"} if "layout" in options else {})
    return replace(fit, loss=Choice.typed("loss", fit.loss.name, options, "loss"))


def _without_negatives(fit: Fit, request: Request) -> Fit:
    """A loss whose target is the rating, or a given label, learns from these rows: there are no negatives to draw."""
    if fit.loss is None or (target := TARGET.of(fit.loss.config)) == "implicit":
        return fit
    if request.sampler is not None:
        raise ConfigError(f"loss={fit.loss.name} with target={target} draws no negatives; leave sampler= out")
    return replace(fit, sampler=None)


def _plugin(kind: str, node: Node | None) -> Choice | None:
    return None if node is None else Choice.of(kind, node, kind, nulls=False)


def _without_validation(fit: Fit, request: Request, split: Split, notices: list[str]) -> Fit:
    """A split without a validation part cannot choose an epoch: the last one is taken, and that is said."""
    recipe = fit.recipe
    if len(split.valid) or recipe.validate_on != "valid":
        return fit
    if request.train.get("patience"):
        raise ConfigError(
            f"data={split.name} has no validation part, so train.patience={recipe.patience} has nothing to watch; "
            "choose a split with one (data/split=leave_last data.split.valid=1) or leave it out"
        )
    if recipe.select_epoch == "best":
        notices.append(f"data={split.name} has no validation part: the last epoch is taken instead of the best")
        recipe = replace(recipe, select_epoch="last")
    return replace(fit, recipe=replace(recipe, validate_on="none", patience=0))


def _watching(fit: Fit, request: Request, split: Split) -> Fit:
    """The metric that chooses the epoch: the one that was named, else the first that is measured."""
    recipe = fit.recipe
    names = validation_metrics(request.evaluate, split)
    if "monitor" not in {**(request.model.get("fit") or {}), **request.train} and names:
        recipe = replace(recipe, monitor=names[0].partition("|")[0])
    if recipe.chooses:
        monitored(dict.fromkeys(names, 0.0), recipe.monitor)
    return replace(fit, recipe=recipe)


def _decaying(fit: Fit, request: Request) -> Fit:
    """Where nothing is watched, the learning rate of the model's own recipe has no reason to fall."""
    if fit.recipe.chooses or "lr_decay" in request.train:
        return fit
    return replace(fit, recipe=replace(fit.recipe, lr_decay=1.0))


def _plain(part: Choice | None) -> Node | None:
    return None if part is None else part.to_dict()

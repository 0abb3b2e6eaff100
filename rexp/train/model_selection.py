"""Model selection and early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import torch
from torch import Tensor, nn

from rexp.errors import ConfigError, did_you_mean
from rexp.metrics.direction import metric_name
from rexp.plugins import registry

if TYPE_CHECKING:
    from rexp.train.config import FitConfig
    from rexp.train.curve import EpochRow

Weights = dict[str, Tensor]
Metrics = Mapping[str, float]


class SelectionState(TypedDict):
    """What a checkpoint has of a selection: its members of these names."""

    best: Weights
    best_epoch: int
    best_value: float
    without_gain: int
    recent: list[Weights]
    before: dict[str, float]


class Selection:
    """Keeps the weights of epochs that may still be selected."""

    def __init__(self, recipe: FitConfig) -> None:
        self.recipe = recipe
        self.best: Weights = {}
        self.best_epoch = 0
        self.best_value = math.nan
        self.without_gain = 0
        self.recent: list[Weights] = []
        self.before: dict[str, float] = {}

    def observe(self, epoch: int, metrics: Metrics, model: nn.Module) -> bool:
        """Look at an epoch; ``metrics`` is empty where it was not validated. Epoch 0 is the model before its fit.

        Returns:
            whether it is the best so far.

        Raises:
            ConfigError: a monitor that is needed and not among the metrics, or is not defined.
        """
        if epoch == 0:
            self.before = dict(metrics)
        if self.recipe.select_epoch == "last_k":
            self.recent = [*self.recent, copy_weights(model)][-self.recipe.last_k :]
        if not metrics or (self.recipe.select_epoch != "best" and not self.recipe.patience):
            return False
        name = monitored(metrics, self.recipe.monitor)
        if math.isnan(metrics[name]):
            raise ConfigError(
                f"train.monitor={name} is not a number on the validation part after epoch {epoch}: no row there "
                "defines it, or the model's scores are none; set train.monitor to another metric"
            )
        gained = math.isnan(self.best_value) or better(name, metrics[name], self.best_value)
        self.without_gain = 0 if gained else self.without_gain + 1
        if gained:
            self.best_epoch, self.best_value = epoch, float(metrics[name])
            if self.recipe.select_epoch == "best":
                self.best = copy_weights(model)
        return gained

    @property
    def exhausted(self) -> bool:
        """Patience is at an end."""
        return self.recipe.patience > 0 and self.without_gain >= self.recipe.patience

    def epochs_left(self, epoch: int) -> float:
        """Epochs after this one until patience is at an end, if none of them is a gain; infinite without patience."""
        if not self.recipe.patience:
            return math.inf
        validations = max(0, self.recipe.patience - self.without_gain)
        return validations * self.recipe.validate_every - epoch % self.recipe.validate_every if validations else 0

    def choose(self, model: nn.Module, epoch: int) -> tuple[str, int]:
        """Put the chosen weights into the model, which holds those of the last ``epoch``.

        Returns:
            how the choice is called in the result, and its epoch.
        """
        if self.recipe.select_epoch == "best":
            model.load_state_dict(self.best)
            part = " on the test part" if self.recipe.validate_on == "test" else ""
            which = f"best epoch {self.best_epoch}" if self.best_epoch else "no epoch, the model before them is best"
            return f"{which} by {self.recipe.monitor}{part}", self.best_epoch
        if self.recipe.select_epoch == "last_k":
            model.load_state_dict(mean(self.recent))
            return f"mean of the last {len(self.recent)} epochs", epoch
        return f"last epoch {epoch}", epoch

    def state(self) -> SelectionState:
        """State for a checkpoint."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_value": self.best_value,
            "without_gain": self.without_gain,
            "recent": self.recent,
            "before": self.before,
        }

    def restore(self, state: SelectionState) -> None:
        self.best, self.best_epoch, self.best_value = state["best"], state["best_epoch"], state["best_value"]
        self.without_gain, self.recent, self.before = state["without_gain"], state["recent"], state["before"]


def monitored(metrics: Metrics, monitor: str) -> str:
    """The metric's full name: as given, or the first whose part before ``|`` is what was given.

    >>> monitored({"hr@10|given": 0.6, "ndcg@10|given": 0.4}, "ndcg@10")
    'ndcg@10|given'
    """
    if monitor in metrics:
        return monitor
    for name in metrics:
        if name.partition("|")[0] == monitor:
            return name
    raise ConfigError(f"train.monitor={monitor} is not measured; {did_you_mean(monitor, metrics)}")


def better(name: str, value: float, than: float) -> bool:
    """Whether a metric's value beats another; what is no installed metric counts as better when higher."""
    try:
        higher: bool = registry.load("metric", metric_name(name)).higher_is_better
    except ConfigError:
        return value > than
    return value > than if higher else value < than


def best_epochs(curve: Sequence[EpochRow]) -> dict[str, dict[str, float]]:
    """The best epoch and value of each metric over a curve: not the result, but what some papers report."""
    best: dict[str, dict[str, float]] = {}
    for row in curve:
        for name, value in row["metrics"].items():
            known = name in best and not math.isnan(best[name]["value"])
            if not known or better(name, value, best[name]["value"]):
                best[name] = {"epoch": row["epoch"], "value": value}
    return best


def copy_weights(model: nn.Module) -> Weights:
    """A copy of the model's weights on the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}


def mean(several: Sequence[Weights]) -> Weights:
    """The mean of each tensor, summed in double precision; whole numbers (counters) are taken from the last."""
    last = several[-1]
    return {
        name: torch.stack([weights[name].double() for weights in several]).mean(0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in last.items()
    }

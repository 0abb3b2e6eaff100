"""Training configuration: the fit, which belongs to the result, and devices, which do not (imports no torch)."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Literal

from rexp.errors import ConfigError
from rexp.plugins.options import Node  # noqa: TC001  the options are read with their types

IDENTITY_OF_DEVICE = ("precision", "devices")
"""Keys of :class:`DeviceConfig` that change what is learned and so belong to a run's identity."""

MOST_PER_PROCESSOR = 4
"""Threads, or devices, for each processor of the machine at most."""


@dataclass
class FitConfig:
    """A training recipe. It travels with the model; ``train.*`` at the root overrides it key by key.

    Args:
        loss: node of the loss; null where the model brings its own.
        sampler: node of the sampler of negatives.
        max_epochs: passes over the training interactions, at most.
        epoch_size: positives that an epoch draws; null takes every training interaction.
        resample: of labeled training rows "over" repeats rows of the rarer label, "under" leaves out rows of the other
            one, drawn by the seed; "none" takes every row once.
        resample_ratio: rows of the rarer label for each of the other, afterwards.
        batch_size: users of one step (B of ``rexp.api.Batch``): samples in the layout ``pointwise``, pairs in
            ``pairwise``, positives with all their negatives in ``listwise``.
        optimizer: adam, adamw, sgd (no momentum) or adagrad.
        lr: learning rate.
        lr_decay: multiplies it after every validation without a gain, by the ``monitor``; 1 leaves it as it is.
        betas: of adam and adamw.
        weight_decay: as the optimizer defines it: L2 in the gradient, or decoupled for adamw.
        weights: of the training rows in the loss: ``none``; ``column``, those that the data names; or
            ``inverse_frequency``, N / (C N_c) for each of the N_c rows of one of C labels, so that all labels count
            alike. Scaled to mean 1, so that learning rate and penalties keep their meaning.
        clip_norm: upper bound of the gradient's L2 norm; null does not clip.
        select_epoch: which weights are the result: of the "best" epoch, of the "last", or "last_k", their mean.
        last_k: how many epochs ``last_k`` averages.
        monitor: the metric that "best" and ``patience`` look at, as it is called in the table (``ndcg@10``).
        patience: stop after so many validations without a gain; 0 never stops early.
        validate_every: epochs between validations; the last epoch is always validated.
        validate_on: the part that is measured between epochs; "none" measures none.
        select_on_test: allow choosing the epoch on the test part, as some published scripts do; the result says so.
    """

    loss: Node | None = None
    sampler: Node | None = None
    max_epochs: int = 20
    epoch_size: int | None = None
    resample: Literal["none", "over", "under"] = "none"
    resample_ratio: float = 1.0
    batch_size: int = 2048
    optimizer: Literal["adam", "adamw", "sgd", "adagrad"] = "adam"
    lr: float = 1e-3
    lr_decay: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    clip_norm: float | None = None
    weights: Literal["none", "column", "inverse_frequency"] = "none"
    select_epoch: Literal["best", "last", "last_k"] = "best"
    last_k: int = 5
    monitor: str = "ndcg@10"
    patience: int = 0
    validate_every: int = 1
    validate_on: Literal["valid", "test", "none"] = "valid"
    select_on_test: bool = False

    def __post_init__(self) -> None:
        for key in ("max_epochs", "batch_size", "last_k", "validate_every"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}={getattr(self, key)} must be at least 1")
        for key in ("lr", "clip_norm", "epoch_size"):
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise ValueError(f"{key}={value} must be above 0")
        if not 0 < self.lr_decay <= 1:
            raise ValueError(f"lr_decay={self.lr_decay} must be above 0 and at most 1")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas={list(self.betas)} must be at least 0 and below 1")
        if not 0 < self.resample_ratio <= 1:
            raise ValueError(f"resample_ratio={self.resample_ratio} must be above 0 and at most 1")
        for key in ("weight_decay", "patience"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key}={getattr(self, key)} must not be negative")

    @property
    def chooses(self) -> bool:
        """Whether anything is decided by what is measured between epochs."""
        return self.select_epoch == "best" or self.patience > 0

    def plain(self) -> Node:
        """Plain values; null for a key that another makes meaningless, so that it makes no other run."""
        meaning = {
            "resample_ratio": self.resample != "none",
            "lr_decay": self.lr_decay != 1,
            "last_k": self.select_epoch == "last_k",
            "monitor": self.chooses,
            "select_on_test": self.chooses and self.validate_on == "test",
            "validate_every": self.validate_on != "none",
            "betas": self.optimizer in ("adam", "adamw"),
            "weights": self.weights != "none",
        }
        return {key: value if meaning.get(key, True) else None for key, value in asdict(self).items()}


@dataclass
class DeviceConfig:
    """Devices of training; only the keys of ``IDENTITY_OF_DEVICE`` change the result.

    Args:
        devices: how many accelerators, or processes on the CPU.
        accelerator: cpu, gpu (or cuda), mps, or auto.
        strategy: how several devices work together, in Lightning's words; auto and ddp take ddp_fork.
        precision: 32-true, bf16-mixed, or (on a GPU) 16-mixed.
        threads: threads of torch on the CPU; one is the fastest for small models. Of both
            there may be ``MOST_PER_PROCESSOR`` times as many as processors: torch crashes from far more.
        progress: a bar and a table on a terminal, plain lines elsewhere (auto), or one of them, or none.
    """

    devices: int = 1
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    strategy: Literal["auto", "ddp", "ddp_fork", "ddp_fork_find_unused_parameters_true"] = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    threads: int = 1
    progress: Literal["auto", "bar", "lines", "none"] = "auto"

    def __post_init__(self) -> None:
        processors = os.cpu_count() or 1
        most = MOST_PER_PROCESSOR * processors
        for key in ("devices", "threads"):
            value = getattr(self, key)
            if value < 1:
                raise ValueError(f"{key}={value} must be at least 1")
            if value > most:
                raise ValueError(f"{key}={value} is beyond {most}, the most for the {processors} processors here")


def check_recipe(recipe: FitConfig) -> None:
    """Refuse a recipe whose keys contradict one another (only a whole recipe can be judged, so not when it is built).

    Raises:
        ConfigError: naming both keys and the way out.
    """
    if not recipe.chooses:
        if recipe.lr_decay != 1:
            raise ConfigError(
                f"train.lr_decay={recipe.lr_decay:g} follows what is watched; take train.patience=5, or "
                "train.select_epoch=best"
            )
        return
    chooses = "train.select_epoch=best" if recipe.select_epoch == "best" else "train.patience"
    if recipe.validate_on == "none":
        raise ConfigError(
            f"{chooses} needs something to watch, but train.validate_on=none; take train.select_epoch=last"
        )
    if recipe.validate_on == "test" and not recipe.select_on_test:
        raise ConfigError(
            f"{chooses} with train.validate_on=test would choose the epoch on the test part; take "
            "train.select_epoch=last, or say train.select_on_test=true to do it knowingly"
        )

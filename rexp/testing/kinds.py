"""The checks of each kind of plugin."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from rexp.testing.check import Check

MODULES = {
    "model": ("models", "model_inputs", "model_state", "model_training"),
    "loss": ("losses",),
    "sampler": ("samplers",),
    "data": ("datasets",),
    "split": ("splits",),
    "stage": ("stages",),
    "retriever": ("retrievers",),
    "metric": ("metrics",),
    "tracker": ("trackers",),
    "explainer": ("explainers",),
}


def checks_of_kind(kind: str) -> Sequence[Check]:
    """All checks of a kind, in the order in which they are run."""
    modules = [import_module(f"rexp.testing.{name}") for name in MODULES[kind]]
    return [check for module in modules for check in cast("Sequence[Check]", module.CHECKS)]

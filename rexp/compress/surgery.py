"""What was swapped in a model, and how a swapped model comes back from the disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rexp.errors import StoreError
from rexp.io.json_types import Json, JsonView
from rexp.nn.surgery import replace_module
from rexp.plugins import registry

if TYPE_CHECKING:
    from torch import nn

    from rexp.api import Stage

Parts = dict[str, Json]


def describe_replacements(model: nn.Module, stages: Mapping[str, type[Stage]]) -> Parts:
    """Module replacements of a model, enough to rebuild its structure without running a stage.

    Args:
        model: after its stages.
        stages: stage classes by their short names.

    Returns:
        by path: ``stage``, ``module`` (its name in the stage's ``modules``) and ``options`` of its constructor; or
        ``same``, the first path of a module that has several.
    """
    owners = {cls: (stage, name) for stage, plugin in stages.items() for name, cls in plugin.modules.items()}
    found: Parts = {}
    first: dict[nn.Module, str] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        if first.setdefault(module, path) != path:
            found[path] = {"same": first[module]}
        elif type(module) in owners:  # one inside another comes after it, and is put into what the other's options made
            stage, name = owners[type(module)]
            found[path] = {"stage": stage, "module": name, "options": module.describe()}
    return found


def restore(model: nn.Module, stored: Mapping[str, JsonView]) -> None:
    """Swap what :func:`describe_replacements` described, with empty modules for the weights to be put into.

    Raises:
        StoreError: a stage no longer has the module, or the module takes other options now.
    """
    for path, part in stored.items():
        if "same" in part:
            replace_module(model, path, model.get_submodule(part["same"]))
            continue
        stage: Any = registry.load("stage", part["stage"])
        cls = stage.modules.get(part["module"])
        if cls is None:
            raise StoreError(f"stage '{part['stage']}' has no module '{part['module']}' now; run the command again")
        try:
            replace_module(model, path, cls(**part["options"]))
        except TypeError as error:
            raise StoreError(f"{path}: stage '{part['stage']}' makes it otherwise now: {error}") from error

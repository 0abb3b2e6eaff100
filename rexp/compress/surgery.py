"""Swapping the modules of a model, and bringing a swapped model back from the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from torch import nn

from rexp.errors import ConfigError, StoreError
from rexp.nn.embedding import EmbeddingTable
from rexp.plugins import registry

M = TypeVar("M", bound=nn.Module)
Parts = dict[str, dict[str, Any]]


def select_modules(model: nn.Module, kind: type[M], targets: Sequence[str], ignore: Sequence[str]) -> dict[str, M]:
    """The modules of one kind that a stage is to work on, by their path in the model.

    Args:
        model: the model.
        kind: ``EmbeddingTable`` or ``nn.Linear``.
        targets: patterns of paths, such as ``*`` or ``tower.*``; one must fit.
        ignore: patterns of paths that are left alone.

    Raises:
        ConfigError: nothing is left to work on; says what there is.
    """
    found = find_modules(model, kind, targets, ignore)
    if not found:
        known = find_modules(model, kind)
        raise ConfigError(
            f"targets={list(targets)} with ignore={list(ignore)} leaves no {kind.__name__} of {type(model).__name__}; "
            f"it has {', '.join(known) or 'none'}"
        )
    return found


def find_modules(
    model: nn.Module, kind: type[M], targets: Sequence[str] = ("*",), ignore: Sequence[str] = ()
) -> dict[str, M]:
    """As :func:`select_modules`, where there may be none. One that has several paths stands at its first."""
    known = {path: module for path, module in model.named_modules() if isinstance(module, kind)}
    return {path: module for path, module in known.items() if _fits(path, targets) and not _fits(path, ignore)}


def tables(model: nn.Module, targets: Sequence[str] = ("*",), ignore: Sequence[str] = ()) -> dict[str, EmbeddingTable]:
    """The dense embedding tables that a stage is to work on; see :func:`select_modules`."""
    return select_modules(model, EmbeddingTable, targets, ignore)


def replace_module(model: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module in the place of the one at ``path``, and wherever else that one is, in the same mode of training."""
    before = model.get_submodule(path)
    module.train(before.training)
    for place in [name for name, part in model.named_modules(remove_duplicate=False) if part is before]:
        model.set_submodule(place, module)


def describe_replacements(model: nn.Module, stages: Mapping[str, Any]) -> Parts:
    """What was swapped in a model: enough to swap it again, empty, without running a stage.

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


def restore(model: nn.Module, stored: Mapping[str, Mapping[str, Any]]) -> None:
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


def _fits(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)

"""Module surgery: finding the modules of a model by kind and path, and putting others in their places."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from torch import nn

from rexp.errors import ConfigError
from rexp.nn.embedding import EmbeddingTable
from rexp.nn.feature_embedding import FeatureList
from rexp.nn.fields import FieldEmbeddings

M = TypeVar("M", bound=nn.Module)


def select_modules(model: nn.Module, kind: type[M], targets: Sequence[str], ignore: Sequence[str]) -> dict[str, M]:
    """The modules of one kind that a stage is to work on, by their path in the model.

    Args:
        model: the model.
        kind: ``EmbeddingTable`` or ``nn.Linear``.
        targets: patterns of paths, such as ``*`` or ``tower.*``; one must fit. A table of a field goes by the field's
            name too: ``user``, ``item``, ``item.genres``, ``context.hour``.
        ignore: patterns of what is left alone.

    Raises:
        ConfigError: nothing is left to work on; says what there is.
    """
    found = find_modules(model, kind, targets, ignore)
    if not found:
        fields = field_names(model)
        known = [f"{path} ({fields[path]})" if path in fields else path for path in find_modules(model, kind)]
        raise ConfigError(
            f"targets={list(targets)} with ignore={list(ignore)} leaves no {kind.__name__} of {type(model).__name__}; "
            f"it has {', '.join(known) or 'none'}"
        )
    return found


def find_modules(
    model: nn.Module, kind: type[M], targets: Sequence[str] = ("*",), ignore: Sequence[str] = ()
) -> dict[str, M]:
    """As :func:`select_modules`, where there may be none. One that has several paths stands at its first."""
    fields = field_names(model)

    def fits(path: str, patterns: Sequence[str]) -> bool:
        names = [path, fields[path]] if path in fields else [path]
        return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

    known = {path: module for path, module in model.named_modules() if isinstance(module, kind)}
    return {path: module for path, module in known.items() if fits(path, targets) and not fits(path, ignore)}


def field_names(model: nn.Module) -> dict[str, str]:
    """Names of the fields whose tables a model has, by the tables' paths."""
    found: dict[str, str] = {}
    for path, part in model.named_modules():
        if isinstance(part, FieldEmbeddings):
            found |= {f"{path}.users": "user", f"{path}.items": "item"}
            found |= {f"{path}.context_tables.{place}": name for place, name in enumerate(part.contexts)}
        elif isinstance(part, FeatureList):
            found |= {f"{path}.features.{place}.table": name for place, name in enumerate(part.names)}
    return found


def tables(model: nn.Module, targets: Sequence[str] = ("*",), ignore: Sequence[str] = ()) -> dict[str, EmbeddingTable]:
    """The dense embedding tables that a stage is to work on; see :func:`select_modules`."""
    return select_modules(model, EmbeddingTable, targets, ignore)


def replace_module(model: nn.Module, path: str, module: nn.Module) -> None:
    """Replace the module at ``path`` wherever it is used, keeping its training mode."""
    before = model.get_submodule(path)
    module.train(before.training)
    for place in [name for name, part in model.named_modules(remove_duplicate=False) if part is before]:
        model.set_submodule(place, module)

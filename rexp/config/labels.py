"""Labels of a run, derived from what it does rather than from how it was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.config.recipes import recipe_name

if TYPE_CHECKING:
    from rexp.plugins.options import NodeView

NODES = {
    "data": ("data",),
    "data/split": ("data", "split"),
    "model": ("model",),
    "loss": ("fit", "loss"),
    "sampler": ("fit", "sampler"),
    "retriever": ("retriever",),
}
"""Labels that are the name of a plugin, and where the configuration has it."""


def labels_of(config: NodeView, folders: Iterable[Path] = ()) -> dict[str, str]:
    """The labels of a run.

    Args:
        config: its typed configuration; two runs with the same one have the same labels.
        folders: see :func:`rexp.config.recipes.recipe_name`.

    >>> labels_of({"data": {"name": "csv"}, "model": {"name": "pop"}, "compress": {"order": ["fit"], "stages": {}}})
    {'data': 'csv', 'model': 'pop', 'compress': 'none'}
    """
    labels: dict[str, str] = {}
    for label, path in NODES.items():
        node: Any = config
        for key in path:
            node = node.get(key) if isinstance(node, Mapping) else None
        if isinstance(node, Mapping) and node.get("name"):
            labels[label] = str(node["name"])
    return labels | {"compress": recipe_name(config["compress"], folders)}

"""Known compression recipes, and the name of a given one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError
from rexp.io.yaml import read_yaml
from rexp.plugins.conf_dirs import conf_folders

if TYPE_CHECKING:
    from rexp.plugins.options import NodeView

FITTED = "fit"
PLACED = re.compile(r"(?:override +)?/?(?:compress/)?stage@(?:compress\.)?stages\.(\w+)")
"""An entry of a recipe's defaults that puts a stage under a key."""


@dataclass(frozen=True)
class Known:
    """A recipe as its file has it.

    Args:
        order: its steps, by the keys of stages.
        stages: plugin names by key.
        said: options that the file itself sets, by key and name.
    """

    order: Sequence[Any] = (FITTED,)
    stages: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def disagrees(self, options: Mapping[str, NodeView]) -> int:
        """Number of options that differ from those the recipe sets."""
        return sum(options.get(self.stages[key], {}).get(name) != value for (key, name), value in self.said.items())


def recipe_name(compress: NodeView, folders: Iterable[Path] = ()) -> str:
    """Name of a recipe: a known one with the same stages in the same order, else its steps in words.

    Args:
        compress: ``order`` and ``stages`` of a typed configuration.
        folders: further folders of configurations, searched before rexp's own and those of plugins.

    >>> recipe_name({"order": ["fit"], "stages": {}})
    'none'
    >>> recipe_name({"order": [["fit", "mine"]], "stages": {"mine": {"name": "rrd"}}})
    'rrd'
    >>> recipe_name({"order": ["fit", "a", "finetune"], "stages": {"a": {"name": "svd"}}})
    'fit > svd > finetune'
    """
    options = compress.get("stages", {})
    text = _in_words(compress["order"], {key: str(stage["name"]) for key, stage in options.items()})
    known = known_recipes(tuple(dict.fromkeys([*folders, *conf_folders()])))
    same = [name for name, recipe in known.items() if _in_words(recipe.order, recipe.stages) == text]
    by_plugin = {stage["name"]: stage for stage in options.values()}
    # Of two that differ in options alone, the one whose options the run has, and of these the one that sets more.
    nearest = sorted(same, key=lambda name: (known[name].disagrees(by_plugin), -len(known[name].said), name))
    return nearest[0] if nearest else text


def _in_words(order: Sequence[Any], plugins: Mapping[str, str]) -> str:
    steps = [step if isinstance(step, list | tuple) else [step] for step in order]
    return " > ".join("+".join(plugins.get(word, str(word)) for word in step) for step in steps)


@cache
def known_recipes(folders: tuple[Path, ...]) -> dict[str, Known]:
    """The recipes in these folders by name; of one name the first, as Hydra has it."""
    files = [file for folder in folders for file in sorted((folder / "compress").glob("*.yaml"))]
    found: dict[str, Known] = {}
    for file in files:
        # One that cannot be read names no run; Hydra says what is wrong with it where it is chosen.
        if file.stem not in found and (recipe := _read(file, folders, ())) is not None:
            found[file.stem] = recipe
    return found


def _read(file: Path, folders: tuple[Path, ...], above: tuple[Path, ...]) -> Known | None:
    if file in above:
        return None
    try:
        node = read_yaml(file)
        recipe = Known()
        for entry in node.get("defaults", []):
            if isinstance(entry, str) and entry != "_self_":
                base = next((f for folder in folders if (f := folder / "compress" / f"{entry}.yaml").exists()), None)
                recipe = (base and _read(base, folders, (*above, file))) or recipe
            for key, name in entry.items() if isinstance(entry, Mapping) else ():
                if placed := PLACED.fullmatch(str(key)):
                    recipe = Known(recipe.order, {**recipe.stages, placed[1]: str(name)}, recipe.said)
        own = node.get("stages") or {}
        named = {key: str(options["name"]) for key, options in own.items() if "name" in options}
        said = {(key, name): value for key, options in own.items() for name, value in options.items() if name != "name"}
        stages = {**recipe.stages, **named}
        kept = {place: value for place, value in {**recipe.said, **said}.items() if place[0] in stages}
        return Known(node.get("order", recipe.order), stages, kept)
    except (ConfigError, AttributeError, KeyError, TypeError):
        return None

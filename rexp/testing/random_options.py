"""Options drawn at random from a plugin's ``Config``."""

from __future__ import annotations

import random
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rexp.errors import ConfigError
from rexp.plugins.options import Node, from_options

TRIES = 50
"""Draws for each set of options that is wanted; most are refused where options go together."""
FACTORS = (0.5, 1, 2)


def random_configs(config_class: type, count: int, seed: int) -> Iterator[tuple[Node, Any]]:
    """Valid options that differ from the defaults, and the ``Config`` made of them.

    Truth values and words are drawn; numbers are halved or doubled; all other options keep their defaults. What the
    ``Config`` refuses is left out, and nothing comes of one that has an option without a default.

    Args:
        config_class: the dataclass.
        count: sets of options, at most.
        seed: of the draws.
    """
    chance = random.Random(seed)
    hints = get_type_hints(config_class)
    seen: list[Node] = []
    for _ in range(TRIES * count):
        if len(seen) == count:
            return
        drawn = {field.name: _drawn(field, hints[field.name], chance) for field in fields(config_class) if field.init}
        options = {name: value for name, value in drawn.items() if value is not MISSING and chance.random() < 0.5}
        if not options or options in seen:
            continue
        try:
            config: Any = from_options(config_class, options, "options")
        except ConfigError:
            continue
        seen.append(options)
        yield options, config


def _drawn(field: Field[Any], hint: Any, chance: random.Random) -> Any:
    """A value unlike the default, or ``MISSING`` where none is known."""
    default = field.default
    if get_origin(hint) in (Union, types.UnionType):
        inner = [part for part in get_args(hint) if part is not type(None)]
        hint = inner[0] if len(inner) == 1 else None
    if hint is bool:
        return default is not True
    if get_origin(hint) is Literal:
        return chance.choice([value for value in get_args(hint) if value != default] or [default])
    if default is None or isinstance(default, bool) or default is MISSING:
        return MISSING
    if hint is int and isinstance(default, int):
        return max(1, int(default * chance.choice(FACTORS))) if default > 0 else default
    if hint is float and isinstance(default, int | float):
        return default * chance.choice(FACTORS)
    return MISSING

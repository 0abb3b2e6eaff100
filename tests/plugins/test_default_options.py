"""Defaults read from the source of a plugin are those of its dataclass."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, ClassVar

import pytest

from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.plugins.default_options import MANDATORY, default_options

BUILT_IN = [plugin for plugin in registry.plugins() if plugin.distribution == OWN]


def stated(config_class: Any) -> dict[str, Any]:
    found = {}
    for option in fields(config_class):
        made = option.default if option.default_factory is MISSING else option.default_factory()
        found[option.name] = MANDATORY if made is MISSING else asdict(made) if is_dataclass(made) else made
    return found


@pytest.mark.parametrize("plugin", BUILT_IN, ids=lambda plugin: f"{plugin.kind}-{plugin.name}")
def test_every_built_in_plugin_has_the_defaults_of_its_dataclass_in_their_order(plugin: registry.Plugin) -> None:
    config_class: Any = plugin.load().Config  # type: ignore[attr-defined]
    assert list(default_options(plugin).items()) == list(stated(config_class).items())


class Mode(Enum):
    FAST = "fast"


@dataclass
class Inner:
    n: int = 3


@dataclass
class Config:
    needed: int
    mode: Mode = Mode.FAST
    inner: Inner = field(default_factory=Inner)
    names: list[str] = field(default_factory=lambda: ["a"])


class Thing:
    Config: ClassVar[type] = Config
    phase = needs = ""


@pytest.mark.parametrize("owner", [OWN, "another"])
def test_what_is_no_literal_is_taken_from_the_imported_class(owner: str) -> None:
    plugin = registry.Plugin("stage", "thing", f"{__name__}:Thing", owner, "1")
    assert default_options(plugin) == {"needed": "???", "mode": "fast", "inner": {"n": 3}, "names": ["a"]}

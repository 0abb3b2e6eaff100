"""The one registry: installed entry points, listed from metadata and imported only when selected.

Every part of rexp, built in or third party, is found here by kind and short name. Importing this imports no torch.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, distributions
from typing import Any

from rexp.api import REXP_API
from rexp.errors import ConfigError, did_you_mean
from rexp.plugins.code_version import OWN


@dataclass(frozen=True)
class Kind:
    """One kind of plugin: its entry-point group, its Hydra group and what its classes must have."""

    name: str
    entry_points: str
    config_group: str
    contract: tuple[str, ...]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("model", "rexp.models", "model", ("capabilities", "score")),
        Kind("loss", "rexp.losses", "loss", ("__call__",)),
        Kind("sampler", "rexp.samplers", "sampler", ("sample",)),
        Kind("data", "rexp.data", "data", ("card", "sources", "read")),
        Kind("split", "rexp.splits", "data/split", ("split",)),
        Kind("stage", "rexp.compress", "compress/stage", ("phase", "needs")),
        Kind("retriever", "rexp.retrievers", "retriever", ("build", "search", "save", "load")),
        Kind("metric", "rexp.metrics", "", ("kind", "higher_is_better")),
        Kind("tracker", "rexp.trackers", "track", ("log", "finish")),
        Kind("explainer", "rexp.explainers", "", ("explain",)),
    )
}
CONF_ENTRY_POINTS = "rexp.conf"


@dataclass(frozen=True)
class Plugin:
    """A named, installed part: ``kind/name`` and where it comes from."""

    kind: str
    name: str
    target: str
    distribution: str
    version: str

    @property
    def where(self) -> str:
        """Kind, name and distribution, for messages."""
        return f"{self.kind} '{self.name}' of {self.distribution} {self.version} ({self.target})"

    def load(self) -> type[Any]:
        """Import the class; a fault is one line that names the distribution, the target and the reason."""
        where = self.where
        module_name, _, attribute = self.target.partition(":")
        # What a module sets when it is imported it would set for the first job of a sweep alone.
        guard = nullcontext() if self.distribution == OWN else _restored(f"the import of {where}")
        try:
            with guard:
                module = import_module(module_name)
        except (Exception, SystemExit) as error:
            raise ConfigError(f"{where} cannot be imported: {type(error).__name__}: {_one_line(error)}") from error
        cls: Any = module
        for part in attribute.split("."):
            cls = getattr(cls, part, None)
        if not isinstance(cls, type):
            raise ConfigError(f"{where}: module {module_name} has no class '{attribute}'; mend its entry point")
        _check_contract(cls, self.kind, where)
        return cls


def _restored(what: str) -> AbstractContextManager[None]:
    from rexp.plugins.process_state import restored  # imports torch

    return restored(what)


def _check_contract(cls: type, kind: str, where: str) -> None:
    stated = getattr(cls, "rexp_api", REXP_API)
    if not (isinstance(stated, tuple) and len(stated) == 2 and all(isinstance(part, int) for part in stated)):
        raise ConfigError(f"{where} states rexp_api={stated!r}; it is a pair of whole numbers such as {REXP_API}")
    if not is_supported(stated):
        raise ConfigError(
            f"{where} was written for the plugin API {stated[0]}.{stated[1]}, "
            f"this rexp has {REXP_API[0]}.{REXP_API[1]}; "
            "install a version of either that fits the other"
        )
    config = getattr(cls, "Config", None)
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise ConfigError(f"{where} has no dataclass 'Config'; a plugin states its options there, even if it has none")
    missing = [name for name in KINDS[kind].contract if not hasattr(cls, name)]
    if missing:
        raise ConfigError(f"{where} lacks {', '.join(missing)}; see rexp.api for the contract of a {kind}")


def is_supported(api: tuple[int, int]) -> bool:
    """Whether this rexp keeps what a plugin for this version of the contracts relies on."""
    return api[0] == REXP_API[0] and api[1] <= REXP_API[1]


def _one_line(error: BaseException) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()


def disabled() -> frozenset[str]:
    """Distributions that the environment variable ``REXP_DISABLE`` leaves out (comma-separated)."""
    return frozenset(_normal(name) for name in os.environ.get("REXP_DISABLE", "").split(",") if name.strip())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@dataclass(frozen=True)
class ConfPackage:
    """A distribution's folder of Hydra configurations, as a dotted package."""

    package: str
    distribution: str


@dataclass
class _Found:
    """What a scan of the installed distributions found."""

    plugins: dict[tuple[str, str], list[Plugin]] = field(default_factory=lambda: defaultdict(list))
    packages: list[ConfPackage] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@cache
def _scan() -> _Found:
    """Every rexp entry point of every installed distribution; a distribution seen twice on the path counts once."""
    kinds = {kind.entry_points: kind.name for kind in KINDS.values()}
    found = _Found()
    seen: set[str] = set()
    for distribution in _distributions_with_rexp_points():
        # What an interrupted installation leaves may have no name, or entry points that cannot be parsed.
        name = _normal(_stated(distribution, "Name") or "nameless")
        if name in seen or name in disabled():
            continue
        seen.add(name)
        try:
            points = list(distribution.entry_points)
            version = _stated(distribution, "Version") or "of no version"
        except Exception as error:
            found.faults.append(f"the metadata of {name} cannot be read ({_one_line(error)}); install it again")
            continue
        for point in points:
            if point.group == CONF_ENTRY_POINTS:
                found.packages.append(ConfPackage(point.value, name))
            elif kind := kinds.get(point.group):
                found.plugins[kind, point.name].append(Plugin(kind, point.name, point.value, name, version))
    return found


def _stated(distribution: Distribution, key: str) -> str | None:
    """What a distribution's metadata state; Python 3.13 warns of a key that is asked for and is not there."""
    stated = distribution.metadata.get_all(key)
    return stated[0] if stated else None


def _distributions_with_rexp_points() -> Iterator[Distribution]:
    for distribution in distributions():
        # Parsing every installed package's entry points is slow; nearly none has ours.
        if "[rexp." in (distribution.read_text("entry_points.txt") or ""):
            yield distribution


def plugins(kind: str | None = None) -> list[Plugin]:
    """Every installed plugin, clashes included, sorted by kind and name."""
    found = [plugin for candidates in _scan().plugins.values() for plugin in candidates]
    return sorted((p for p in found if kind in (None, p.kind)), key=lambda p: (p.kind, p.name, p.distribution))


def plugins_of(kind: str, name: str) -> list[Plugin]:
    """Those that have this name; more than one is a clash."""
    return list(_scan().plugins.get((kind, name), ()))


def names(kind: str) -> list[str]:
    """Short names of a kind."""
    return sorted({plugin.name for plugin in plugins(kind)})


def conf_packages() -> list[ConfPackage]:
    """Packages with YAML of their own."""
    return list(_scan().packages)


def metadata_faults() -> list[str]:
    """One line for each distribution whose plugins cannot even be listed."""
    return list(_scan().faults)


def find(kind: str, name: str) -> Plugin:
    """The plugin of this name, not imported.

    Raises:
        ConfigError: no such name (with the nearest one), or two distributions claim it.
    """
    candidates = plugins_of(kind, name)
    if not candidates:
        raise ConfigError(f"no {kind} is named '{name}'; {did_you_mean(name, names(kind))}")
    if len(candidates) > 1:
        owners = sorted(candidates, key=lambda plugin: (plugin.distribution == OWN, plugin.distribution))
        claims = " and ".join(f"{owner.distribution} {owner.version} ({owner.target})" for owner in owners)
        raise ConfigError(
            f"{kind} '{name}' is claimed by {claims}; uninstall one, or leave one out with "
            f"REXP_DISABLE={owners[0].distribution}"
        )
    return candidates[0]


def load(kind: str, name: str) -> type[Any]:
    """The class of the plugin of this name; see :func:`find` and :meth:`Plugin.load` for the errors."""
    return find(kind, name).load()


def forget() -> None:
    """Scan again at the next call (after an installation in the same process)."""
    _scan.cache_clear()

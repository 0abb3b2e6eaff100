"""The code that a job runs, as one short text a distribution: what is part of a run's name beside its configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rexp.plugins import registry
from rexp.plugins.code_version import OWN, code_version, modules_named_by
from rexp.plugins.import_closure import closure

RUN = "rexp.experiment.run"
"""The module that does a job: what it imports are the engines that every run is made by."""


def used_code(plugins: Iterable[tuple[str, str]], engine: str = RUN, folder: Path | None = None) -> dict[str, str]:
    """``version+<hash>`` of rexp and of each other distribution whose plugins are used.

    Of rexp itself those files count that the engine and the plugins import, functions' imports included, without
    comments and docstrings; of another distribution all its files, and the files of rexp that it imports.

    Args:
        plugins: kinds and names.
        engine: the module of rexp that calls them.
        folder: see :func:`rexp.plugins.import_closure.closure`.

    Raises:
        ConfigError: a plugin that is not installed.
    """
    found = {registry.find(kind, name) for kind, name in plugins}
    others = {plugin.distribution for plugin in found} - {OWN}
    own = frozenset((plugin.kind, plugin.name, plugin.target) for plugin in found if plugin.distribution == OWN)
    roots = {engine, *(target.partition(":")[0] for _, _, target in own)}
    roots |= {module for name in others for module in modules_named_by(name)}
    used = {OWN: f"{_own_version()}+{_own_hash(frozenset(roots), own, folder)}"}
    return used | {name: code_version(name) for name in sorted(others)}


def _own_version() -> str:
    try:
        return version(OWN)
    except PackageNotFoundError:
        return "0"


@cache
def _own_hash(roots: frozenset[str], plugins: frozenset[tuple[str, str, str]], folder: Path | None) -> str:
    digest = hashlib.sha256()
    for plugin in sorted(plugins):
        digest.update("\0".join(plugin).encode() + b"\n")
    for module, source in sorted(closure(roots, folder).items()):
        digest.update(f"{module}\0{source.digest}\n".encode())
    return digest.hexdigest()[:12]


def as_words(plugins: Iterable[tuple[str, str]]) -> list[str]:
    """Kinds and names as an identity has them, each once.

    >>> as_words([("model", "pop"), ("data", "csv"), ("model", "pop")])
    ['data/csv', 'model/pop']
    """
    return sorted({f"{kind}/{name}" for kind, name in plugins})


def from_words(words: Iterable[str]) -> list[tuple[str, str]]:
    """What :func:`as_words` was given."""
    return [(kind, name) for kind, _, name in (word.partition("/") for word in words)]

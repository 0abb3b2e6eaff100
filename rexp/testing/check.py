"""A check of a plugin, what it is run on, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rexp.api import Split

Outcome = Literal["passed", "failed", "skipped", "expected"]
SINCE = (2, 0)
"""The version of the plugin API that the first checks came with."""


class Breach(AssertionError):
    """A plugin does not keep its contract; the text says in what."""


class NotApplicable(Exception):
    """A check says nothing of this plugin with these options; the text says why."""


@dataclass(frozen=True)
class Subject:
    """A plugin with its options, and the data to try it on.

    Args:
        kind, name: of the plugin.
        plugin: its class.
        config: an instance of its ``Config``.
        split: small data with ratings, times, features, and a user and an item that are met in no training row.
        folder: an empty folder of its own.
        seed: of whatever the check draws.
    """

    kind: str
    name: str
    plugin: type[Any]
    config: Any
    split: Split
    folder: Path
    seed: int = 0

    def make(self, *arguments: Any) -> Any:
        """The plugin, built with its options and with what its contract names beside these."""
        return self.plugin(self.config, *arguments)


@dataclass(frozen=True)
class Check:
    """One rule of a contract.

    Args:
        id: its name, such as ``model.score-shape``.
        reason: what would go wrong with a plugin that breaks it, in a sentence.
        run: raises :class:`Breach` where the rule is broken (any other error counts as that too), and
            :class:`NotApplicable` where it says nothing.
        presumes: checks without which this one says nothing; it is skipped unless they pass.
        since: version of the plugin API that it came with.
    """

    id: str
    reason: str
    run: Callable[[Subject], None]
    presumes: tuple[str, ...] = ()
    since: tuple[int, int] = SINCE


@dataclass(frozen=True)
class Result:
    """What came of a check.

    Args:
        kind, name: of the plugin.
        options: those that it was made with where they differ from its defaults.
        check: that was run.
        outcome: "passed", "failed", "skipped", or "expected" for a failure that was stated before.
        message: what was found, in a line; empty where it passed.
    """

    kind: str
    name: str
    options: Mapping[str, Any]
    check: Check
    outcome: Outcome
    message: str = ""

    def __str__(self) -> str:
        chosen = ", ".join(f"{key}={value}" for key, value in self.options.items())
        place = f"{self.kind} '{self.name}'" + (f" ({chosen})" if chosen else "")
        return f"{place}: {self.check.id} {self.outcome}" + (f": {self.message}" if self.message else "")


def require(holds: bool, text: str) -> None:
    """Raise :class:`Breach` with this text unless the condition holds."""
    if not holds:
        raise Breach(text)

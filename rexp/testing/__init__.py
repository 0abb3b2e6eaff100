"""Conformance checks of plugins, for their authors: what a contract of ``rexp.api`` asks for, tried on small data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexp.testing.check import Check, Result
    from rexp.testing.examine import Case, cases_of, check_plugin, checks_of

_LAZY = {
    "Check": "rexp.testing.check",
    "Result": "rexp.testing.check",
    "Case": "rexp.testing.examine",
    "cases_of": "rexp.testing.examine",
    "check_plugin": "rexp.testing.examine",
    "checks_of": "rexp.testing.examine",
}
"""Imported when they are first used: pytest loads its plugin of this package in every run, and torch takes seconds."""

if not TYPE_CHECKING:  # else any name would pass for a member

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return found


__all__ = ["Case", "Check", "Result", "cases_of", "check_plugin", "checks_of"]

"""Examination of plugins: their checks, run with default and with random options."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexp.errors import ConfigError, DataError, did_you_mean
from rexp.plugins import registry
from rexp.plugins.options import Node, NodeView, from_options
from rexp.testing.check import Breach, Check, NotApplicable, Outcome, Result, Subject
from rexp.testing.kinds import checks_of_kind
from rexp.testing.process import settings_restored
from rexp.testing.random_options import random_configs
from rexp.testing.tiny_split import tiny_split

if TYPE_CHECKING:
    from rexp.api import Split

DRAWS = 2
"""Sets of random options of each plugin, beside its defaults."""
DRAWN_NOWHERE = ("tracker", "data")
"""Kinds whose options name servers and files."""
NOTHING: Mapping[str, Any] = {}
PRESUMES = "presumes "
Found = tuple[Outcome, str]


@dataclass(frozen=True)
class Case:
    """A plugin and one of its checks, with all the options that it is tried with.

    Args:
        kind, name: of the plugin.
        check: the rule.
        subjects: by the options that differ from the defaults.
        expected: why it is known to fail; empty where it must pass.
    """

    kind: str
    name: str
    check: Check
    subjects: Sequence[_Examined]
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.name}/{self.check.id}"

    def results(self) -> list[Result]:
        """One for each set of options; a failure that was expected and does not come is a failure."""
        found = []
        for subject in self.subjects:
            outcome, message = subject.outcome(self.check)
            found.append(Result(self.kind, self.name, subject.options, self.check, outcome, message))
        if not self.expected:
            return found
        if not any(result.outcome == "failed" for result in found):
            text = f"was expected to fail ({self.expected}), and does not; take it off the list"
            return [replace(found[0], outcome="failed", message=text)]
        return [replace(one, outcome="expected") if one.outcome == "failed" else one for one in found]

    def verify(self) -> None:
        """Raise ``AssertionError`` with a line for each failure, for a test function to call."""
        failed = [str(result) for result in self.results() if result.outcome == "failed"]
        if failed:
            raise AssertionError("\n".join([*failed, self.check.reason]))


def check_plugin(
    kind: str,
    name: str,
    *,
    options: Sequence[NodeView] = (),
    draws: int = DRAWS,
    seed: int = 0,
    expected: Mapping[str, str] = NOTHING,
) -> list[Result]:
    """Run all checks of an installed plugin.

    Args:
        kind, name: of the plugin, as ``rexp plugins`` lists it.
        options: sets of options to try beside the defaults and those that are drawn; needed where an option has no
            default.
        draws: sets of random options.
        seed: of these, and of what the checks draw.
        expected: reasons of failures that are known, by ``NAME/CHECK``, such as ``{"mf/model.saved": "why"}``.

    Returns:
        a result for each check and set of options.

    Raises:
        ConfigError: no such plugin, or it cannot be imported, or an expected failure that no check can be.
    """
    plugin = registry.load(kind, name)
    found = cases_of(kind, name, plugin, options=options, draws=draws, seed=seed, expected=expected)
    return [result for case in found for result in case.results()]


def checks_of(
    distribution: str,
    *,
    options: Mapping[str, Sequence[NodeView]] = NOTHING,
    draws: int = DRAWS,
    seed: int = 0,
    expected: Mapping[str, str] = NOTHING,
) -> list[Case]:
    """Every check of every plugin of an installed distribution, for a test to run one by one.

    Args:
        distribution: its name.
        options: sets of options by the name of the plugin.
        draws, seed, expected: see :func:`check_plugin`.

    Raises:
        ConfigError: no such distribution, or a plugin of it that cannot be imported.
    """
    plugins = [plugin for plugin in registry.plugins() if plugin.distribution == _normal(distribution)]
    if not plugins:
        known = sorted({plugin.distribution for plugin in registry.plugins()})
        raise ConfigError(
            f"no distribution with plugins is named '{distribution}'; {did_you_mean(distribution, known)}"
        )
    for key in expected:
        if key.partition("/")[0] not in {plugin.name for plugin in plugins}:
            raise ConfigError(f"{key} is expected to fail, and {distribution} has no plugin of that name")
    cases = []
    for plugin in plugins:
        given = options.get(plugin.name, ())
        cases += cases_of(
            plugin.kind, plugin.name, plugin.load(), options=given, draws=draws, seed=seed, expected=expected
        )
    return cases


def cases_of(
    kind: str,
    name: str,
    plugin: type[Any],
    *,
    options: Sequence[NodeView] = (),
    draws: int = DRAWS,
    seed: int = 0,
    expected: Mapping[str, str] = NOTHING,
) -> list[Case]:
    """Every check of a class that need not be installed; see :func:`check_plugin` for the arguments.

    Two plugins of different kinds may have one name, so a stated failure counts for the kind that its check is of.
    """
    checks = checks_of_kind(kind)
    subjects = [
        _Examined(chosen, Subject(kind, name, plugin, config, _split(seed), Path(), seed))
        for chosen, config in _configs(kind, plugin, options, draws, seed)
    ]
    if not subjects:
        raise ConfigError(f"{kind} '{name}' has an option without a default; say which values to examine it with")
    reasons = {}
    for key, reason in expected.items():
        owner, _, check = key.partition("/")
        if owner == name and check.partition(".")[0] == kind:
            reasons[check] = reason
    for check in reasons:
        if check not in {one.id for one in checks}:
            known = did_you_mean(check, [one.id for one in checks])
            raise ConfigError(f"{name}/{check} is expected to fail, and there is no such check; {known}")
    return [Case(kind, name, check, subjects, reasons.get(check.id, "")) for check in checks]


@dataclass(frozen=True)
class _Examined:
    """A subject with the outcomes of the checks that were run on it."""

    options: Node
    subject: Subject
    outcomes: dict[str, Found] = field(default_factory=dict)

    def outcome(self, check: Check) -> Found:
        """Run the check, once, and before it what it presumes."""
        if check.id not in self.outcomes:
            self.outcomes[check.id] = self._presumed(check) or _run(check, self.subject)
        return self.outcomes[check.id]

    def _presumed(self, check: Check) -> Found | None:
        """Why the check is not run; None where it is. One that does not apply stands in nobody's way."""
        for other in checks_of_kind(self.subject.kind):
            if other.id in check.presumes:
                outcome, message = self.outcome(other)
                if outcome == "failed" or message.startswith(PRESUMES):
                    return "skipped", PRESUMES + other.id
        return None


def _run(check: Check, subject: Subject) -> Found:
    with (
        settings_restored(),
        tempfile.TemporaryDirectory(prefix="rexp-check-", ignore_cleanup_errors=True) as folder,
    ):
        try:
            check.run(replace(subject, folder=Path(folder)))
        except NotApplicable as reason:
            return "skipped", str(reason)
        except Breach as breach:
            return "failed", _line(breach)
        except (ConfigError, DataError) as refusal:
            return "skipped", f"refused: {_line(refusal)}"
        except Exception as error:
            return "failed", f"{type(error).__name__}: {_line(error)}"
    return "passed", ""


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


def _normal(name: str) -> str:
    return name.replace("_", "-").replace(".", "-").lower()


def _configs(kind: str, plugin: Any, options: Sequence[NodeView], draws: int, seed: int) -> list[tuple[Node, Any]]:
    found = [(dict(chosen), from_options(plugin.Config, chosen, "options")) for chosen in options]
    found += random_configs(plugin.Config, 0 if kind in DRAWN_NOWHERE else draws, seed)
    try:
        return [({}, from_options(plugin.Config, {}, "options")), *found]
    except ConfigError:  # an option must be given
        return found


@cache
def _split(seed: int) -> Split:
    """Made once; its folder goes with the process."""
    return tiny_split(Path(_folder().name, f"tiny-{seed}"), seed)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rexp-testing-", ignore_cleanup_errors=True)

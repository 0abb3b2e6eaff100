"""``pytest --rexp-plugin DISTRIBUTION``: one test item for each check of each plugin of a distribution.

Known failures stand in the distribution's own pytest configuration, each with its reason, and must fail::

    [tool.pytest.ini_options]
    rexp_expected_failures = ["mine/model.autocast: a kernel of float32 alone"]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import rexp.testing
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from rexp.testing import Case

OPTION, EXPECTED = "--rexp-plugin", "rexp_expected_failures"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and the key of the configuration."""
    group = parser.getgroup("rexp", "plugins of rexp")
    text = "run the conformance checks of this installed distribution's plugins; may be given several times"
    group.addoption(OPTION, action="append", default=[], metavar="DISTRIBUTION", help=text)
    parser.addini(EXPECTED, "checks of rexp that are known to fail, NAME/CHECK: REASON", type="linelist", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the checks behind the tests that were found, before ``-k`` chooses among them."""
    for distribution in config.getoption(OPTION):
        collector = Conformance.from_parent(session, name=distribution, nodeid=distribution)
        items.extend(collector.collect())


class Conformance(pytest.Collector):
    """The checks of a distribution."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each plugin and check."""
        try:
            expected = dict(_parsed(line) for line in self.config.getini(EXPECTED))
            cases = list(rexp.testing.checks_of(self.name, expected=expected))
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from error
        for case in cases:
            yield ConformanceItem.from_parent(self, name=str(case), case=case)


class ConformanceItem(pytest.Item):
    """A check of a plugin, with all the options that it is tried with."""

    def __init__(self, *, case: Case, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.case = case

    def runtest(self) -> None:
        """Run it; it is skipped where it says nothing of the plugin with any options."""
        results = self.case.results()
        outcomes = {result.outcome for result in results}
        if "failed" in outcomes:
            raise AssertionError("\n".join(str(result) for result in results if result.outcome == "failed"))
        if "expected" in outcomes:
            pytest.xfail(self.case.expected)
        if outcomes == {"skipped"}:
            pytest.skip(results[0].message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """What was found, and why it matters, without a traceback into the kit."""
        if excinfo.errisinstance(AssertionError):
            return f"{excinfo.value}\n{self.case.check.reason}"
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where it is reported: the check has no line in a file of the author."""
        return self.path, None, self.name


def _parsed(line: str) -> tuple[str, str]:
    key, colon, reason = line.partition(":")
    if not colon or not reason.strip() or "/" not in key:
        raise ConfigError(f"{EXPECTED} has the line '{line}'; write NAME/CHECK: REASON")
    return key.strip(), reason.strip()

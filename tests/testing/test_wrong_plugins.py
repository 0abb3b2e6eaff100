"""Plugins that each break one rule are caught by the check of that rule and by no other."""

from __future__ import annotations

from typing import Any

import pytest

from rexp.testing import cases_of
from rexp.testing.kinds import MODULES
from tests.testing.wrong import (
    datasets,
    explainers,
    losses,
    metrics,
    models,
    retrievers,
    samplers,
    splits,
    stages,
    trackers,
)

BY_KIND = {
    "model": models,
    "loss": losses,
    "sampler": samplers,
    "split": splits,
    "metric": metrics,
    "retriever": retrievers,
    "stage": stages,
    "data": datasets,
    "tracker": trackers,
    "explainer": explainers,
}
CLASSES = {kind: [cls for cls in vars(module).values() if isinstance(cls, type)] for kind, module in BY_KIND.items()}
WRONG = [cls for kind, found in CLASSES.items() for cls in found if (cls.__doc__ or "").startswith(f"{kind}.")]
RIGHT = [(kind, cls) for kind, found in CLASSES.items() for cls in found if cls.__name__.startswith("Right")]


@pytest.fixture(autouse=True)
def _no_published_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is the same where published data sets are at hand."""
    monkeypatch.delenv("REXP_DATA", raising=False)


def failing(kind: str, plugin: Any) -> dict[str, str]:
    """Messages of the checks that fail."""
    cases = cases_of(kind, plugin.__name__, plugin, draws=0)
    return {r.check.id: r.message for case in cases for r in case.results() if r.outcome == "failed"}


@pytest.mark.parametrize("plugin", WRONG, ids=lambda plugin: plugin.__name__)
def test_a_plugin_that_breaks_one_rule_fails_its_check_alone(plugin: Any) -> None:
    rule = plugin.__doc__
    assert list(failing(rule.partition(".")[0], plugin)) == [rule]


@pytest.mark.parametrize(("kind", "plugin"), RIGHT, ids=lambda value: getattr(value, "__name__", value))
def test_what_they_are_made_from_is_right(kind: str, plugin: Any) -> None:
    assert failing(kind, plugin) == {}


def test_there_is_a_wrong_plugin_of_every_kind() -> None:
    assert {plugin.__doc__.partition(".")[0] for plugin in WRONG} == set(MODULES) == set(BY_KIND)  # type: ignore[union-attr]
    assert {kind for kind, _ in RIGHT} == set(MODULES)


def test_an_expected_failure_must_fail() -> None:
    def outcomes(plugin: Any, expected: dict[str, str]) -> dict[str, str]:
        cases = cases_of("loss", "mine", plugin, expected=expected)
        return {r.check.id: f"{r.outcome} {r.message}" for case in cases for r in case.results()}

    stated = {"mine/loss.reduction": "a sum, as in the paper"}
    assert outcomes(losses.SumUnsaid, stated)["loss.reduction"].startswith("expected the loss of a batch")
    assert outcomes(losses.RightLoss, stated)["loss.reduction"] == (
        "failed was expected to fail (a sum, as in the paper), and does not; take it off the list"
    )


def test_an_expected_failure_that_no_check_can_be_is_refused() -> None:
    with pytest.raises(Exception, match=r"mine/loss.scaler is expected to fail.*did you mean 'loss.scalar'"):
        cases_of("loss", "mine", losses.RightLoss, expected={"mine/loss.scaler": "why"})

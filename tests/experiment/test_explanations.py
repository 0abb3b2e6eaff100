"""Which plugin explains, and what cannot be explained."""

from __future__ import annotations

import pytest

from rexp.__main__ import main
from rexp.errors import ConfigError
from rexp.experiment.explanations import installed_explainer
from rexp.plugins import registry
from rexp.plugins.registry import Plugin

ONE = Plugin("explainer", "one", "tests.testing.wrong.explainers:RightExplainer", "rexp-one", "1.0")
TWO = Plugin("explainer", "two", "tests.testing.wrong.explainers:RightExplainer", "rexp-two", "1.0")


def install(monkeypatch: pytest.MonkeyPatch, *plugins: Plugin) -> None:
    monkeypatch.setattr(registry, "plugins", lambda kind=None: list(plugins))
    monkeypatch.setattr(registry, "find", lambda kind, name: next(one for one in plugins if one.name == name))


def test_the_one_that_is_installed_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ONE)
    assert type(installed_explainer()).__name__ == "RightExplainer"


def test_none_and_several_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(ConfigError, match="pip install rexp-explain"):
        installed_explainer()
    install(monkeypatch, ONE, TWO)
    with pytest.raises(ConfigError, match=r"'one' of rexp-one and 'two' of rexp-two; .* REXP_DISABLE"):
        installed_explainer()


def test_everyone_s_reasons_go_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", "3f2a", "--explain"]) == 2
    assert "--users, or a file with --out" in capsys.readouterr().err

"""The conformance kit over all built-in plugins."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.testing import Case, cases_of, check_plugin
from rexp.testing.kinds import MODULES, checks_of_kind
from rexp.testing.tiny_split import tiny_split

EXPECTED: dict[str, str] = {}
"""Known failures by ``NAME/CHECK``, with their reasons."""
PLUGINS = [plugin for plugin in registry.plugins() if plugin.distribution == OWN]


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file for ``data=csv``."""
    file = tmp_path_factory.mktemp("data") / "mine.csv"
    rows = [f"u{user},{item},{1 + item % 5},{item}" for user in range(5) for item in range(user, user + 6)]
    file.write_text("\n".join(["user,item,rating,time", *rows]) + "\n")
    return str(file)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Scores of a few items for each user but the last, under ids of the kit's small data."""
    split = tiny_split(tmp_path_factory.mktemp("tiny"), 0)
    users, items = split.user_ids().to_list(), split.items_table()["item"].to_list()
    rows = [(user, items[(3 * row + k) % len(items)], k - 1.5) for row, user in enumerate(users[:-1]) for k in range(4)]
    file = tmp_path_factory.mktemp("lists") / "lists.parquet"
    pl.DataFrame(rows, schema=["user", "item", "score"], orient="row").write_parquet(file)
    return str(file)


def cases(plugin: registry.Plugin, options: list[dict[str, Any]]) -> list[Case]:
    return cases_of(plugin.kind, plugin.name, plugin.load(), options=options, draws=1, expected=EXPECTED)


@pytest.mark.slow
@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: f"{plugin.kind}-{plugin.name}")
def test_a_built_in_keeps_its_contract(
    plugin: registry.Plugin, ratings: str, lists: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REXP_DATA", raising=False)
    given = {("data", "csv"): {"path": ratings}, ("model", "lists"): {"scores": lists}}
    options = [given[key]] if (key := (plugin.kind, plugin.name)) in given else []
    results = [result for case in cases(plugin, options) for result in case.results()]
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert any(result.outcome == "passed" for result in results)


def test_every_kind_has_checks_with_ids_and_reasons() -> None:
    assert set(MODULES) == set(registry.KINDS)
    for kind in MODULES:
        checks = checks_of_kind(kind)
        ids = [check.id for check in checks]
        assert len(set(ids)) == len(ids) >= 3
        for check in checks:
            assert check.id.startswith(f"{kind}.")
            assert check.reason.endswith(".")
            assert set(check.presumes) < set(ids)


def test_the_files_of_data_csv_are_read(ratings: str) -> None:
    results = check_plugin("data", "csv", options=[{"path": ratings}])
    read = [result.outcome for result in results if result.check.id == "data.schema"]
    assert read == ["skipped", "passed"], "by default no file is named"

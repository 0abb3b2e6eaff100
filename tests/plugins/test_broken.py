"""A distribution in which everything is wrong: each fault is one line, and nobody else notices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHERE = "of rexp-broken 0.1.0 (rexp_broken."
FAULTS = {
    "bad_import": "bad_import:Model) cannot be imported: RuntimeError: the weights of this model have moved",
    "exits": "exits:Model) cannot be imported: SystemExit: no licence",
    "new_api": "faults:NewAPI) was written for the plugin API 99.0, this rexp has 2.1",
    "odd_api": "faults:OddAPI) states rexp_api='1.0'; it is a pair of whole numbers such as (2, 1)",
    "no_attribute": "faults:Missing): module rexp_broken.faults has no class 'Missing'",
    "no_config": "faults:NoConfig) has no dataclass 'Config'",
    "no_score": "faults:NoScore) lacks score",
}
CLASH = "loss 'mse' is claimed by rexp-broken 0.1.0 (rexp_broken.faults:MSE) and rexp-recsys "
WAY_OUT = "REXP_DISABLE=rexp-broken"
NO_FOLDER = "rexp-broken names the configurations rexp_broken.conf, and there is no such folder"


@pytest.fixture(scope="module")
def rexp(command: Callable[..., Any], broken_site: Path) -> Callable[..., Any]:
    def run(*arguments: str, **more: Any) -> Any:
        return command(*arguments, on_path=[broken_site], **more)

    return run


def only_line(done: Any) -> str:
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("rexp: ")
    line: str = done.stderr.removeprefix("rexp: ").rstrip("\n")
    return line


def test_check_names_each_fault_once_and_exits_with_1(rexp: Callable[..., Any]) -> None:
    done = rexp("plugins", "--check")
    assert done.returncode == 1
    lines = [line.removeprefix("broken: ") for line in done.stderr.splitlines()]
    for name, fault in FAULTS.items():
        assert sum(line.startswith(f"model '{name}' {WHERE}{fault}") for line in lines) == 1, lines
    clash = [line for line in lines if line.startswith(CLASH)]
    assert len(clash) == 1
    assert clash[0].endswith(WAY_OUT)
    assert NO_FOLDER in lines
    assert len(lines) == len(FAULTS) + 2


def test_without_an_import_it_is_told_what_the_source_shows(rexp: Callable[..., Any]) -> None:
    rows = json.loads(rexp("plugins", "--json").stdout)["plugins"]
    theirs = {row["name"]: row for row in rows if row["distribution"] == "rexp-broken"}
    states = {name: row["state"] for name, row in theirs.items()}
    assert states.pop("mse") == "clash"
    assert states == dict.fromkeys(FAULTS, "found") | {
        "new_api": "unfit",
        **dict.fromkeys(("bad_import", "exits", "no_attribute"), "missing"),  # two of them end before there is a class
    }
    assert {row["homepage"] for row in theirs.values()} == {"https://example.org/broken"}
    assert (theirs["new_api"]["api"], theirs["no_score"]["api"]) == ("99.0", "2.1")
    assert theirs["mse"]["summary"] == "Sound in itself, but its name is taken."
    assert [row["state"] for row in rows if row["name"] == "bce"] == ["found"]


def test_check_as_json_marks_the_broken_and_only_the_broken(rexp: Callable[..., Any]) -> None:
    done = rexp("plugins", "--check", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    broken = {(row["distribution"], row["name"]) for row in report["plugins"] if row["fault"]}
    assert broken == {("rexp-broken", name) for name in (*FAULTS, "mse")} | {("rexp-recsys", "mse")}
    assert len(report["faults"]) == len(FAULTS) + 2


@pytest.mark.parametrize("name", FAULTS)
def test_selecting_a_broken_model_is_one_line(rexp: Callable[..., Any], name: str) -> None:
    done = rexp(f"model={name}", "--cfg", "job")
    assert done.returncode == 2
    assert only_line(done).startswith(f"model '{name}' {WHERE}{FAULTS[name]}")


def test_a_name_that_two_claim_is_refused_when_it_is_selected(rexp: Callable[..., Any]) -> None:
    done = rexp("model=mf", "loss=mse", "track=none")
    assert done.returncode == 2
    assert only_line(done).startswith(CLASH)


def test_everything_else_still_works(rexp: Callable[..., Any]) -> None:
    for arguments in (["model=mf", "--cfg", "job"], ["--help"], ["plugins"], ["--info", "searchpath"]):
        assert rexp(*arguments).returncode == 0, arguments


def test_rexp_disable_removes_it(rexp: Callable[..., Any]) -> None:
    done = rexp("plugins", "--check", env={"REXP_DISABLE": "rexp-broken"})
    assert done.returncode == 0, done.stderr
    assert "rexp-broken" not in done.stdout

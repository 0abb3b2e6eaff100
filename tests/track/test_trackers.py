from __future__ import annotations

import csv
import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.api import RunInfo
from rexp.errors import ConfigError
from rexp.track.trackers import Trackers, start

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run_info(directory: Path) -> RunInfo:
    return RunInfo("0123456789ab", directory, {"seed": 1, "model": {"name": "mf"}}, {"model": "mf"}, None)


class Recorder:
    """A tracker that keeps what it is told, and fails where it is asked to."""

    Config = type("Config", (), {})

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.seen: list[Any] = []

    def log(self, values: Mapping[str, float], epoch: int) -> None:
        if self.fails == "log":
            raise ConnectionError("no\nroute")
        if self.fails == "exit":
            sys.exit("no route")
        self.seen.append((epoch, dict(values)))

    def finish(self, summary: Mapping[str, Any], status: str) -> None:
        self.seen.append(status)


@pytest.mark.parametrize("fails", ["log", "exit"])
def test_a_failure_is_one_warning_and_the_others_go_on(fails: str, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Recorder(), Recorder(fails)
    trackers = Trackers({"bad": bad, "good": good})
    trackers.log({"loss": 1.0}, 1)
    trackers.log({"loss": 0.5}, 2)
    trackers.finish({}, "done")
    assert good.seen == [(1, {"loss": 1.0}), (2, {"loss": 0.5}), "done"]
    assert bad.seen == []
    assert capsys.readouterr().err == "warning: track=bad could not log: no route; the run goes on without it\n"


def test_only_finite_numbers_are_sent() -> None:
    recorder = Recorder()
    Trackers({"r": recorder}).log({"loss": float("nan"), "ok": 2, "text": "x", "flag": True}, 1)  # type: ignore[dict-item]
    assert recorder.seen == [(1, {"ok": 2.0})]


def test_a_tracker_that_cannot_start_is_one_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    trackers = start({"csv": {"name": "csv"}, "tensorboard": {"name": "tensorboard"}}, run_info(tmp_path))
    trackers.log({"loss": 1.0}, 1)
    trackers.finish({}, "done")
    warning = capsys.readouterr().err
    assert warning.startswith("warning: track=tensorboard could not start: ")
    assert warning.count("\n") == 1
    assert (tmp_path / "metrics.csv").exists()


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"name": "wandbb"}, "no tracker is named 'wandbb'; did you mean 'wandb'"),
        ({"name": "csv", "fil": "x"}, "track.mine.fil is not an option here; did you mean 'file'"),
        ({"file": "x"}, "track.mine names no tracker"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, node: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        start({"mine": node}, run_info(tmp_path))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("track=wandb", ["wandb"]),
        ("track=none", []),
        ("track=[wandb,csv]", ["wandb", "csv"]),
        ("track=[csv,tensorboard,wandb]", ["csv", "tensorboard", "wandb"]),
    ],
)
def test_the_group_takes_several(composed: Callable[..., DictConfig], choice: str, expected: list[str]) -> None:
    nodes = composed(choice).track
    assert list(nodes) == expected
    assert all(node["name"] == name for name, node in nodes.items())


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_one_header_and_each_epoch_once(tmp_path: Path) -> None:
    nodes = {"csv": {"name": "csv"}}
    trackers = start(nodes, run_info(tmp_path))
    trackers.log({"loss": 0.5}, 1)
    trackers.log({"loss": 0.25, "valid/ndcg@10": 0.125}, 2)
    trackers.log({"loss": 0.2}, 3)
    path = tmp_path / "metrics.csv"
    path.write_text(path.read_text() + "4,0.1")  # cut short by a kill
    trackers = start(nodes, run_info(tmp_path))
    trackers.log({"loss": 0.3}, 3)
    trackers.log({"loss": 0.1}, 4)
    assert path.read_text().count("epoch") == 1
    assert read_csv(path) == [
        {"epoch": "1", "loss": "0.5", "valid/ndcg@10": ""},
        {"epoch": "2", "loss": "0.25", "valid/ndcg@10": "0.125"},
        {"epoch": "3", "loss": "0.3", "valid/ndcg@10": ""},
        {"epoch": "4", "loss": "0.1", "valid/ndcg@10": ""},
    ]


def test_a_full_disk_is_one_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trackers = start({"csv": {"name": "csv"}}, run_info(tmp_path))
    trackers.log({"loss": 0.5}, 1)
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").symlink_to("/dev/full")
    trackers.log({"loss": 0.5}, 2)
    trackers.log({"loss": 0.5}, 3)
    trackers.finish({}, "done")
    assert capsys.readouterr().err.count(os.strerror(errno.ENOSPC)) == 1

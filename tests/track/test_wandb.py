from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rexp.api import RunInfo
from rexp.plugins.process_state import restored
from rexp.track.trackers import start
from rexp.track.wandb import default_mode

sys.path.insert(0, str(Path(__file__).parent))
from offline_run import OfflineRun, read_offline_run

SERVER = "https://api.wandb.ai"
CONFIG = {"seed": 3, "model": {"name": "mf", "factors": 8}, "fit": {"learning_rate": 1e-3}}
LABELS = {"data": "movietweetings", "model": "mf", "compress": "none", "train": "default"}
EPOCHS = {1: {"train_loss": 0.7, "valid/ndcg@10": 0.01}, 2: {"train_loss": 0.5, "valid/ndcg@10": 0.0625}}
SUMMARY = {"test/ndcg@10": 0.05, "cost/parameters": 1234, "teacher/name": "ease", "gate/pass99": False}


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def track(directory: Path, run_id: str, nodes: dict[str, dict[str, object]], status: str = "done") -> None:
    trackers = start(nodes, RunInfo(run_id, directory, CONFIG, LABELS, "sweep-1"))
    for epoch, values in EPOCHS.items():
        trackers.log(values, epoch)
    trackers.finish(SUMMARY, status)


def read(directory: Path) -> OfflineRun:
    """The file, once W&B's service, a process of its own, has written it to its end."""
    (file,) = directory.glob("wandb/offline-run-*/*.wandb")
    deadline = time.monotonic() + 30
    while (found := read_offline_run(file)).exit_code is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_what_was_logged_is_in_the_offline_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
    with restored("the job"):  # what W&B sets for its own service is not told as a change
        track(first, "aaaaaaaaaaaa", {"wandb": {"name": "wandb", "tags": ["mine"]}})
        track(second, "bbbbbbbbbbbb", {"wandb": {"name": "wandb"}}, status="failed")

    found = read(first)
    assert found.run.run_id == "aaaaaaaaaaaa"
    assert found.run.run_group == "sweep-1"
    assert found.run.project == "rexp"
    assert sorted(found.run.tags) == ["compress:none", "data:movietweetings", "mine", "model:mf"]
    assert {key: found.config[key] for key in CONFIG} == CONFIG
    *logged, last = [{key: v for key, v in row.items() if not key.startswith("_")} for row in found.history]
    assert logged == [{"epoch": epoch, **values} for epoch, values in EPOCHS.items()]
    assert found.run.job_type == "train"
    (table,) = first.glob("wandb/offline-run-*/files/media/table/*.json")
    lines = [["test/ndcg@10", 0.05], ["cost/parameters", 1234], ["gate/pass99", 0]]
    assert json.loads(table.read_text())["data"] == lines
    assert last["result/nrows"] == 3
    assert {key: found.summary[key] for key in SUMMARY} == SUMMARY
    assert found.summary["status"] == "done"
    assert found.exit_code == 0
    # The next run of the same process is a run of its own.
    assert read(second).run.run_id == "bbbbbbbbbbbb"
    assert read(second).exit_code == 1
    out, err = capfd.readouterr()
    folders = [str(next(directory.glob("wandb/offline-run-*"))) for directory in (first, second)]
    assert out == ""
    assert err.splitlines() == [
        f"note: W&B run {run} is kept offline; 'wandb sync {folder}' sends it"
        for run, folder in zip(("aaaaaaaaaaaa", "bbbbbbbbbbbb"), folders, strict=True)
    ]


def test_a_model_is_sent_where_that_is_asked_for(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.yaml", "result.json"):
        (tmp_path / name).write_text(name)
    track(tmp_path, "dddddddddddd", {"wandb": {"name": "wandb", "log_model": True}})
    (model,) = (artifact for artifact in read(tmp_path).artifacts if artifact.type == "model")
    assert model.name == "model-dddddddddddd"
    assert sorted(entry.path for entry in model.manifest.contents) == [
        "config.yaml", "model.safetensors", "result.json",
    ]  # fmt: skip


def test_mode_follows_key_and_environment(tmp_path: Path) -> None:
    assert default_mode(SERVER) == "offline"
    assert default_mode(SERVER, {"WANDB_API_KEY": "k", "NETRC": "/nowhere"}) == "online"
    assert default_mode(SERVER, {"WANDB_API_KEY": "k", "WANDB_MODE": "offline"}) == "offline"
    assert default_mode(SERVER, {"WANDB_MODE": "disabled", "NETRC": "/nowhere"}) == "disabled"
    for word, mode in (("dryrun", "offline"), ("DRYRUN", "offline"), ("run", "online"), ("no mode", "offline")):
        assert default_mode(SERVER, {"WANDB_API_KEY": "k", "WANDB_MODE": word}) == mode
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.wandb.ai login user password secret\n")
    assert default_mode(SERVER, {"NETRC": str(netrc)}) == "online"
    assert default_mode("https://wandb.example.org", {"NETRC": str(netrc)}) == "offline"
    netrc.write_text("machine\n")
    assert default_mode(SERVER, {"NETRC": str(netrc)}) == "offline"


def run_online(directory: Path, address: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, for its end must not wait for the server either."""
    code = f"""
        from pathlib import Path
        from rexp.api import RunInfo
        from rexp.track.trackers import start
        run = RunInfo("cccccccccccc", Path({str(directory)!r}), {{"seed": 1}}, {{"model": "mf"}})
        trackers = start({{"wandb": {{"name": "wandb", "timeout": 1.0}}}}, run)
        trackers.log({{"loss": 1.0}}, 1)
        trackers.finish({{"ndcg@10": 0.5}}, "done")
        print("went on")
    """
    environment = os.environ | {"WANDB_BASE_URL": address, "WANDB_API_KEY": "0" * 40}
    # W&B leaves its folder of media, which a table needs, to the end of the process.
    warnings = ["-W", "error", "-W", "ignore:Implicitly cleaning up:ResourceWarning"]
    command = [sys.executable, *warnings, "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("listens", [False, True], ids=["refuses", "never answers"])
def test_an_unreachable_server_is_one_warning(tmp_path: Path, listens: bool) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        ended = run_online(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}")
    assert ended.returncode == 0
    assert ended.stdout == "went on\n"
    warning, note = ended.stderr.splitlines()
    assert warning.startswith("warning: W&B stays offline, http://127.0.0.1:")
    assert note.startswith("note: W&B run cccccccccccc is kept offline; 'wandb sync ")
    # What was to be sent is kept.
    found = read(tmp_path)
    assert found.history[0]["loss"] == 1.0
    assert found.summary["ndcg@10"] == 0.5


@pytest.mark.slow
def test_a_server_that_is_none_of_wandbs_is_one_warning(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        port = server.stdout.readline().split(" port ")[1].split()[0]
        ended = run_online(tmp_path, f"http://127.0.0.1:{port}")
        server.terminate()
    assert ended.returncode == 0
    assert ended.stdout == "went on\n"
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith("warning: track=wandb could not start: ")

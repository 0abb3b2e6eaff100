from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rexp.errors import StoreError
from rexp.store import index
from rexp.store.store import Store

RUN = "0123456789ab"


def make(store: Store, run: str = RUN, **result: Any) -> Path:
    directory = store.begin(run, {"seed": 1}, {"started": "now"}, identity={"config": {"seed": 1}})
    store.commit(run, {"metrics": {"ndcg@10": 0.5}, **result})
    return directory


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_run_from_absent_to_done(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "runs")
    assert store.status(RUN) == "absent"
    assert list(store.runs()) == []
    directory = store.begin(RUN, {"seed": 1, "model": {"name": "mf"}}, {"started": "now"}, identity={"a": 1})
    assert store.status(RUN) == "interrupted"
    store.append_metrics(RUN, {"epoch": 1, "loss": 0.5})
    store.commit(RUN, {"metrics": {"ndcg@10": 0.5, "auc": float("nan")}}, {"finished": "then"})
    assert store.status(RUN) == "done"
    result = store.result(RUN)
    assert (result.run_id, result.content["status"], result.finished) == (RUN, "done", "then")
    assert result.metrics == {"ndcg@10": 0.5, "auc": None}
    assert (directory / "config.yaml").read_text() == "seed: 1\nmodel:\n  name: mf\n"
    assert json.loads((directory / "identity.json").read_text()) == {"a": 1}
    manifest = json.loads((directory / "manifest.json").read_text())
    assert sorted(manifest["files"]) == ["config.yaml", "identity.json", "metrics.jsonl"]
    assert [run.run_id for run in store.runs()] == [RUN]
    assert not [path for path in directory.iterdir() if path.name.startswith(".")]


def test_a_failed_run_is_no_result_and_may_be_tried_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    directory = store.begin(RUN, {}, {})
    (directory / "checkpoints").mkdir()
    store.mark(RUN, "failed", error="RunError: loss is nan")
    assert store.status(RUN) == "failed"
    with pytest.raises(StoreError, match="not done but failed"):
        store.result(RUN)
    assert list(store.runs()) == []
    store.begin(RUN, {}, {})
    assert store.status(RUN) == "interrupted"
    assert (directory / "checkpoints").is_dir()
    store.mark(RUN, "interrupted")
    assert store.status(RUN) == "interrupted"


def test_force_begins_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    directory = make(store)
    (directory / "checkpoints").mkdir()
    store.begin(RUN, {}, {}, force=True)
    assert store.status(RUN) == "interrupted"
    assert sorted(path.name for path in directory.iterdir()) == ["config.yaml", "identity.json", "manifest.json"]


@pytest.mark.parametrize("content", ["", '{"status": "do', "[1]", "null", '{"status": "done"}', "\x00\xff"])
def test_a_corrupt_result_is_no_result_and_is_said(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    path = make(store) / "result.json"
    store.set_alias("k", RUN)
    path.write_text(content, encoding="latin-1")
    assert store.status(RUN) == "interrupted"
    assert str(path) in capsys.readouterr().err
    assert store.alias("k") is None
    assert list(store.runs()) == []
    with pytest.raises(StoreError, match="not done"):
        store.result(RUN)
    assert capsys.readouterr().err == ""  # once is enough


def test_a_result_that_belongs_to_another_run_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    directory = make(store)
    directory.rename(tmp_path / "ba9876543210")
    assert store.status("ba9876543210") == "interrupted"


def test_a_kill_while_committing_leaves_no_result(tmp_path: Path) -> None:
    """SIGKILL in the moment before the temporary file gets its name."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from rexp.store.store import Store
        store = Store(Path(sys.argv[1]))
        store.begin(sys.argv[2], {}, {})
        replace = Path.replace
        def killed(path, target):
            if target.name == "result.json":
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(path, target)
        Path.replace = killed
        store.commit(sys.argv[2], {"metrics": {}})
    """
    child = python(code, tmp_path, RUN)
    assert child.wait(30) == -signal.SIGKILL
    child.communicate()
    store = Store(tmp_path)
    assert list((tmp_path / RUN).glob(".result.json.*.tmp")), "the kill came too early to show anything"
    assert store.status(RUN) == "interrupted"
    make(store)
    assert store.status(RUN) == "done"
    assert not list((tmp_path / RUN).glob(".*"))
    assert "result.json" not in json.loads((tmp_path / RUN / "manifest.json").read_text())["files"]


def test_each_epoch_stands_once_after_a_resume(tmp_path: Path) -> None:
    path = Store(tmp_path).begin(RUN, {}, {}) / "metrics.jsonl"
    first = Store(tmp_path)
    for epoch in (1, 2, 3):
        first.append_metrics(RUN, {"epoch": epoch, "loss": 1 / epoch})
    path.write_text(path.read_text() + '{"epoch": 4, "lo')
    again = Store(tmp_path)
    again.begin(RUN, {}, {})
    again.append_metrics(RUN, {"epoch": 3, "loss": 0.25, "auc": float("nan")})
    again.append_metrics(RUN, {"epoch": 4, "loss": 0.125})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"epoch": 1, "loss": 1.0},
        {"epoch": 2, "loss": 0.5},
        {"epoch": 3, "loss": 0.25, "auc": None},
        {"epoch": 4, "loss": 0.125},
    ]


def test_an_alias_is_only_a_hint(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.alias("k") is None
    store.begin(RUN, {}, {})
    store.set_alias("k", RUN)
    assert store.alias("k") is None
    make(store)
    assert store.alias("k") == RUN
    for content in ("", "../" + RUN, "unknown"):
        (tmp_path / ".aliases" / "k").write_text(content)
        assert store.alias("k") is None


def test_resolve_takes_a_unique_prefix(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for run in ("abc1", "abd2", "abd"):
        make(store, run)
    assert store.resolve("abc") == "abc1"
    assert store.resolve("abd") == "abd"
    with pytest.raises(StoreError, match="beginning of 3 runs: abc1, abd, abd2"):
        store.resolve("ab")
    with pytest.raises(StoreError, match=r"no run 'abx1' .*did you mean 'abc1'"):
        store.resolve("abx1")
    with pytest.raises(StoreError, match="holds no run"):
        Store(tmp_path / "empty").resolve("a")


COMPUTE_ONCE = """
    import sys, time
    from pathlib import Path
    from rexp.store.store import Store
    store = Store(Path(sys.argv[1]))
    run = "0123456789ab"
    with store.lock(run):
        if store.status(run) == "done":
            print("skipped")
        else:
            store.begin(run, {}, {})
            time.sleep(0.5)
            store.commit(run, {"metrics": {}})
            print("computed")
"""


def test_of_several_processes_one_computes(tmp_path: Path) -> None:
    children = [python(COMPUTE_ONCE, tmp_path) for _ in range(3)]
    outputs = [child.communicate(timeout=60) for child in children]
    assert sorted(out for out, _ in outputs) == ["computed\n", "skipped\n", "skipped\n"]
    # Who waits says so, once.
    assert all(err.count("waiting for it") <= 1 for _, err in outputs)
    assert any("waiting for it" in err for _, err in outputs)


def test_a_run_that_is_being_made_is_running(tmp_path: Path) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from rexp.store.store import Store
        store = Store(Path(sys.argv[1]))
        with store.lock("0123456789ab"):
            store.begin("0123456789ab", {}, {})
            print("held", flush=True)
            time.sleep(60)
    """
    child = python(code, tmp_path)
    assert child.stdout
    assert child.stdout.readline() == "held\n"
    store = Store(tmp_path)
    assert store.status(RUN) == "running"
    child.kill()
    child.communicate()
    # The lock of a dead process is free.
    assert store.status(RUN) == "interrupted"
    with store.lock(RUN):
        assert store.status(RUN) == "interrupted"


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(StoreError, match=r"cannot be written: .*; .*paths\.store=FOLDER") as caught:
            Store(root).check_writable()
        assert "\n" not in str(caught.value)
        assert str(root) in str(caught.value)


def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    # Permission bits do not stop root; this stops everyone.
    with pytest.raises(StoreError, match="cannot be written"):
        Store(Path("/proc/rexp-runs")).check_writable()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    directory = store.begin(RUN, {}, {})
    full = "No space left on device; make room on that disk"
    (directory / "metrics.jsonl").symlink_to("/dev/full")
    store._last_epoch[RUN] = 0
    with pytest.raises(StoreError, match=full):
        store.append_metrics(RUN, {"epoch": 1})
    (directory / "metrics.jsonl").unlink()
    (directory / f".result.json.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=full):
        store.commit(RUN, {"metrics": {}})
    assert store.status(RUN) == "interrupted"
    (tmp_path / f".probe.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=full):
        store.check_writable()
    # While another error is on its way, marking is no second one.
    (directory / f".result.json.{os.getpid()}.tmp").symlink_to("/dev/full")
    store.mark(RUN, "failed", "x")
    assert "could not be marked failed" in capsys.readouterr().err


def test_a_result_is_read_once_for_the_index_and_once_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps({"status": "done", "config": {f"key{i}": i for i in range(100)}, "data": {}, "metrics": {}})
    runs = [f"{i:012x}" for i in range(100)]
    for run in runs:
        (tmp_path / run).mkdir()
        (tmp_path / run / "result.json").write_text(text[:-1] + f', "run_id": "{run}"}}')
    read: Counter[str] = Counter()
    plain = Path.read_bytes

    def counted(path: Path) -> bytes:
        read[path.parent.name] += 1
        return plain(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    monkeypatch.setattr(index, "TICK", 0)  # or what was written just now might still change
    assert [result.run_id for result in Store(tmp_path).runs()] == runs
    assert {read[run] for run in runs} == {2}
    # What tables show is in the index by then.
    assert [result.run_id for result in Store(tmp_path).briefs()] == runs
    assert {read[run] for run in runs} == {2}


def test_the_store_imports_no_torch() -> None:
    child = python("import rexp.store.store, rexp.store.verify, rexp.cli.verify, sys; print('torch' in sys.modules)")
    assert child.communicate()[0] == "False\n"

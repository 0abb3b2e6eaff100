from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rexp.__main__ import main
from rexp.io.content_hash import file_content
from rexp.plugins.code_version import OWN
from rexp.plugins.used_code import used_code
from rexp.store.identity import run_id
from rexp.store.manifest import finish, manifest
from rexp.store.seal import sealed
from rexp.store.store import Store
from rexp.store.verify import verify


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with one run, made from ``ratings.csv``."""
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("1,2\n")
    store = Store(tmp_path / "runs")
    config = {"seed": 1, "model": {"name": "pop"}, "data": {"path": str(ratings)}}
    data = {"name": "csv", "fingerprint": "f00d"}
    identity = {
        "config": config | {"data": data},
        "plugins": ["model/pop"],
        "code": used_code([("model", "pop")]),
    }
    run = run_id(identity)
    started = manifest([], {"seed": 1}, data | {"files": [file_content(ratings, None).facts()]})
    directory = store.begin(run, config, started, identity=identity)
    (directory / "model.safetensors").write_bytes(b"weights")
    weights = {"file": "model.safetensors", **_describe(directory / "model.safetensors")}
    store.commit(run, {"config": config, "data": data, "metrics": {}, "weights": weights}, finish(started))
    return store


def _describe(path: Path) -> dict[str, Any]:
    from rexp.io.atomic import describe

    return describe(path)


def _edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def faults(store: Store) -> dict[str, str]:
    (run,) = (result.run_id for result in store.runs())
    return {check.what: check.fault for check in verify(store, run) if check.fault}


def the_run(store: Store) -> Path:
    (result,) = store.runs()
    return store.directory(result.run_id)


def test_an_untouched_run_holds(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults(store) == {}
    run = the_run(store).name
    assert main(["verify", run[:6], "--store", str(store.root)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"run {run}: ")
    count, _, total = said.split(": ")[1].split(" checks")[0].partition(" of ")
    assert count == total
    assert int(total) >= 15


def test_an_altered_data_file_is_caught(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("1,3\n")
    (fault,) = faults(store).items()
    assert fault[0] == f"data file {ratings}"
    assert "sha256 was" in fault[1]
    ratings.unlink()
    assert faults(store) == {f"data file {ratings}": "is missing"}
    run = the_run(store).name
    assert main(["verify", run, "--store", str(store.root), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert {"what": f"data file {ratings}", "fault": "is missing", "note": None} in report["checks"]


def test_another_package_is_caught(store: Store) -> None:
    _edit(the_run(store) / "manifest.json", lambda kept: kept["versions"].update(polars="0.0.1", gone="2.0"))
    found = faults(store)
    assert found.keys() == {"file manifest.json", "package polars", "package gone"}
    assert found["package polars"].startswith("was 0.0.1, is ")
    assert found["package gone"] == "was 2.0, is not installed"


def test_altered_weights_are_caught(store: Store) -> None:
    (the_run(store) / "model.safetensors").write_bytes(b"weightz")
    assert faults(store).keys() == {"file model.safetensors"}


def test_a_result_whose_weights_or_configuration_were_edited_is_caught(store: Store) -> None:
    def change(result: dict[str, Any]) -> None:
        result["weights"]["sha256"] = "0" * 64
        result["config"]["model"]["name"] = "ncf"
        result["data"]["fingerprint"] = "beef"

    directory = the_run(store)
    _edit(directory / "result.json", change)
    (check,) = [check for check in verify(store, directory.name) if check.fault]
    assert (check.what, check.fault) == ("file result.json", "is damaged: it does not fit the hash of its content")
    # Whoever renews the hash is still told by the other files.
    (directory / "result.json").write_text(sealed(json.loads((directory / "result.json").read_text())))
    assert faults(store).keys() == {"weights", "config model", "data fingerprint", "data record"}


def test_an_edited_identity_is_caught(store: Store) -> None:
    _edit(the_run(store) / "identity.json", lambda identity: identity["code"].update({OWN: "9.9"}))
    found = faults(store)
    assert found.keys() == {"file identity.json", "run id", f"code {OWN}"}
    assert found[f"code {OWN}"].startswith("was 9.9, is ")


def test_the_code_of_other_plugins_is_caught(store: Store) -> None:
    _edit(the_run(store) / "identity.json", lambda identity: identity.update(plugins=["model/mf"]))
    assert faults(store)[f"code {OWN}"].startswith("was 0")
    _edit(the_run(store) / "identity.json", lambda identity: identity.update(plugins=["model/gone"]))
    assert faults(store)["code"].startswith("no model is named 'gone'")
    _edit(the_run(store) / "identity.json", lambda identity: identity.pop("plugins"))
    checks = {check.what: check for check in verify(store, the_run(store).name)}
    assert checks[f"code {OWN}"].fault is None
    assert checks[f"code {OWN}"].note == "was recorded without the plugins that it is of, by an earlier version"


def test_what_cannot_be_checked_is_refused(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    directory = the_run(store)
    assert main(["verify", "zzz", "--store", str(store.root)]) == 1
    assert "no run 'zzz'" in capsys.readouterr().err
    (directory / "manifest.json").write_text("{")
    assert faults(store)["file manifest.json"].startswith("cannot be read: ")
    (directory / "result.json").unlink()
    assert main(["verify", directory.name, "--store", str(store.root)]) == 1
    assert "is not done but interrupted" in capsys.readouterr().err


def _measured(store: Store, values: list[float | None]) -> Path:
    """The run with a metric, as the mean of these users."""
    import polars as pl

    directory = the_run(store)
    result, manifest = (json.loads((directory / f"{name}.json").read_bytes()) for name in ("result", "manifest"))
    pl.DataFrame({"user": range(len(values)), "ndcg@10": values}).write_parquet(directory / "per_user.parquet")
    known = [value for value in values if value is not None]
    store.commit(directory.name, {**result, "metrics": {"ndcg@10": sum(known) / len(known)}}, manifest)
    return directory


def test_a_metric_is_compared_with_the_mean_of_its_users(store: Store) -> None:
    directory = _measured(store, [0.1, 0.2, None, 0.6])
    assert faults(store) == {}
    assert "mean ndcg@10" in {check.what for check in verify(store, directory.name)}
    result = json.loads((directory / "result.json").read_bytes())
    result["metrics"]["ndcg@10"] = 0.31
    (directory / "result.json").write_text(json.dumps(result, indent=2))
    (check,) = [check for check in verify(store, directory.name) if check.fault]
    assert (check.what, check.fault) == ("file result.json", "is damaged: it does not fit the hash of its content")
    (directory / "result.json").write_text(sealed(result))  # by one who knows how
    assert faults(store)["mean ndcg@10"].startswith("the result has 0.31, the mean over users is 0.3")


def test_measuring_again_renews_the_hash(store: Store) -> None:
    directory = _measured(store, [0.5])
    before = json.loads((directory / "result.json").read_bytes())
    store.amend(directory.name, cost={"score_1_p50_ms": 0.25})
    after = json.loads((directory / "result.json").read_bytes())
    assert after["content_sha256"] != before["content_sha256"]
    assert after["manifest"] == before["manifest"]
    assert faults(store) == {}


def test_a_run_of_earlier_versions_is_said_to_be_one(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    directory = the_run(store)
    result = json.loads((directory / "result.json").read_bytes())
    old = {key: value for key, value in result.items() if key not in ("content_sha256", "manifest")}
    (directory / "result.json").write_text(json.dumps(old))
    assert main(["verify", directory.name, "--store", str(store.root)]) == 0
    said = capsys.readouterr().out
    assert "unknown  file result.json: was written without a checksum, by an earlier version" in said
    assert "; 2 could not be made" in said


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"files": 3}', b'{"files": {"config.yaml": 1}, "data": {"files": [7]}}']
)
@pytest.mark.parametrize("name", ["manifest.json", "identity.json"])
def test_a_record_of_any_form_is_a_fault_and_no_crash(store: Store, name: str, content: bytes) -> None:
    (the_run(store) / name).write_bytes(content)
    assert f"file {name}" in faults(store) or name == "identity.json"
    assert faults(store)

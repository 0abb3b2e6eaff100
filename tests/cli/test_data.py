"""``rexp data list`` and ``rexp data info``: what they print, as text and as JSON, and their exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rexp.cli.data import main
from rexp.errors import ConfigError
from rexp.plugins import registry
from rexp.prepare.describe import Counts

BUILT_IN = ["citeulike-t", "csv", "gowalla", "ml-100k", "ml-1m", "movietweetings", "ncf-ml-1m"]
needs_data = pytest.mark.skipif(
    "REXP_DATA" not in os.environ, reason="REXP_DATA names no folder with the data sets that may not be shipped"
)


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REXP_DATA", raising=False)


@pytest.fixture(params=["80", "200"])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", request.param)
    return int(request.param)


@pytest.fixture
def gowalla(tmp_path: Path) -> Path:
    """A data folder with a made-up Gowalla of 2 users, 3 items and 5 interactions."""
    folder = tmp_path / "gowalla"
    folder.mkdir()
    (folder / "train.txt").write_text("0 1 2\n1 2\n")
    (folder / "test.txt").write_text("0 3\n1 1\n")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code, out = run(capsys, *arguments, "--json")
    return code, json.loads(out)


@pytest.mark.usefixtures("no_root")
def test_list_without_a_data_folder(capsys: pytest.CaptureFixture[str]) -> None:
    code, listed = run_json(capsys, "list")
    assert code == 0
    states = {each["name"]: each["state"] for each in listed if each["name"] in BUILT_IN}
    assert states == dict.fromkeys(BUILT_IN, "missing") | {"movietweetings": "ok", "csv": "yours"}
    assert all("no data folder is set" in each["problem"] for each in listed if each["state"] == "missing")


@pytest.mark.usefixtures("no_root")
def test_list_shows_whole_names_and_numbers_whatever_the_width(capsys: pytest.CaptureFixture[str], width: int) -> None:
    code, out = run(capsys, "list")
    assert code == 0
    rows = {cells[0]: cells[1:] for line in out.splitlines() if (cells := line.split())}
    assert rows["data"][:5] == ["users", "items", "interactions", "density", "files"]
    assert rows["movietweetings"][:5] == ["16,554", "10,506", "100,000", "0.0575%", "ok"]
    assert rows["ncf-ml-1m"][:5] == ["-", "-", "-", "-", "missing"]
    assert max(map(len, out.splitlines())) <= width
    assert "no data folder is set (--data FOLDER, or REXP_DATA)" in " ".join(out.split())


def test_list_says_under_which_folder_data_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    # Brackets are no markup.
    folder = tmp_path / "[red]data"
    code, out = run(capsys, "list", "--data", str(folder))
    assert code == 0
    assert f"missing under {folder}; 'rexp data info amazon-scientific' says what belongs where\n" in out


def test_the_data_folder_is_that_of_the_environment(
    capsys: pytest.CaptureFixture[str], gowalla: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REXP_DATA", str(gowalla))
    _, listed = run_json(capsys, "list")
    states = {each["name"]: each["state"] for each in listed}
    assert states["gowalla"] == "differs"
    assert states["ml-1m"] == "missing"


@pytest.mark.usefixtures("no_root")
def test_info_of_the_shipped_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "info", "movietweetings")
    assert code == 0
    assert out.startswith("movietweetings: MovieTweetings, snapshot 100K\n")
    for part in ("16,554", "10,506", "100,000", "0.0575%", "MIT; shipped with rexp", "S. Dooms", "ratings.dat.gz"):
        assert part in out
    assert "problem" not in out


@pytest.mark.usefixtures("no_root")
def test_info_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run_json(capsys, "info", "movietweetings")
    assert code == 0
    assert told["name"] == "movietweetings"
    assert told["state"] == "ok"
    assert told["counts"] == {
        "users": 16_554,
        "items": 10_506,
        "interactions": 100_000,
        "pairs": 100_000,
        "density": 100_000 / (16_554 * 10_506),
    }
    assert {Path(path).name: state for path, state in told["files"].items()} == {
        "ratings.dat.gz": "ok",
        "movies.dat.gz": "ok",
    }
    assert told["card"]["licence"].startswith("MIT")
    assert told["problem"] == ""


@pytest.mark.usefixtures("no_root")
def test_info_lists_what_becomes_of_each_column(capsys: pytest.CaptureFixture[str], width: int) -> None:
    code, out = run(capsys, "info", "movietweetings")
    assert code == 0
    rows = {cells[0]: cells[1:] for line in out.splitlines() if (cells := line.split())}
    assert rows["item.year"][:3] == ["number", "-", "0.0%"]
    assert rows["item.genres"][:5] == ["set", "26", "0.6%", "empty", "set"]
    assert rows["item.title"][:3] == ["text", "-", "0.0%"]
    assert "a title is shown" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= width
    _, told = run_json(capsys, "info", "movietweetings")
    assert told["columns"][2] == {
        "name": "item.genres",
        "kind": "set",
        "size": 26,
        "missing": pytest.approx(66 / 10_506),
        "fill": "empty set",
        "reason": "lists",
    }
    _, listed = run_json(capsys, "list")
    assert all(each["columns"] == [] for each in listed), "that would take long"


@pytest.mark.usefixtures("no_root")
def test_info_without_a_data_folder(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "info", "ml-1m")
    assert code == 1
    text = " ".join(out.split())
    assert "files missing" in text
    assert "no data folder is set, so ml-1m/ratings.dat cannot be found" in text
    assert "REXP_DATA" in text
    assert "https://grouplens.org/datasets/movielens/1m/" in text
    code, told = run_json(capsys, "info", "ml-1m")
    assert code == 1
    assert told["state"] == "missing"
    assert told["counts"] is None


def test_info_of_a_missing_file(capsys: pytest.CaptureFixture[str], gowalla: Path) -> None:
    (gowalla / "gowalla" / "test.txt").unlink()
    code, told = run_json(capsys, "info", "gowalla", "--data", str(gowalla))
    assert code == 1
    assert told["state"] == "missing"
    assert told["problem"].startswith(f"test.txt (or test.txt.gz) is missing: it belongs in {gowalla / 'gowalla'}")


def test_info_of_content_that_is_not_the_published_one(capsys: pytest.CaptureFixture[str], gowalla: Path) -> None:
    code, told = run_json(capsys, "info", "gowalla", "--data", str(gowalla))
    assert code == 0
    assert told["state"] == "differs"
    assert told["files"][str(gowalla / "gowalla" / "test.txt")] == "differs"
    assert told["parts"] == {"train": 3, "test": 2}
    assert told["counts"] == {"users": 2, "items": 3, "interactions": 5, "pairs": 5, "density": 5 / 6}
    _, out = run(capsys, "info", "gowalla", "--data", str(gowalla))
    assert "given train" in out


@pytest.mark.usefixtures("no_root")
def test_your_own_files_are_yours_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "info", "csv")
    assert code == 0
    text = " ".join(out.split())
    assert "files yours" in text
    assert "data.path=FILE" in text


def test_an_unknown_name_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"no data is named 'ml1m'; did you mean 'ml-1m'\?") as error:
        main(["info", "ml1m"])
    assert error.value.exit_code == 2


@pytest.mark.parametrize("arguments", [[], ["lst"], ["info"], ["list", "--nope"]])
def test_wrong_usage_is_an_error_of_the_configuration(arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^rexp data.*: .*; rexp data.* --help lists what there is$") as error:
        main(arguments)
    assert error.value.exit_code == 2


def test_a_plugin_that_cannot_be_imported_is_listed_as_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(kind: str, name: str) -> type:
        raise ConfigError("its module is not there")

    monkeypatch.setattr(registry, "load", load)
    code, told = run_json(capsys, "info", "gowalla")
    assert code == 1
    assert (told["state"], told["problem"], told["card"]) == ("broken", "its module is not there", None)
    code, out = run(capsys, "info", "gowalla")
    assert code == 1
    assert out.startswith("gowalla: broken\n")
    code, out = run(capsys, "list")
    assert code == 0
    assert "broken" in out


def test_density_is_of_distinct_pairs() -> None:
    assert Counts(users=2, items=5, interactions=9, pairs=4).density == 0.4


@needs_data
def test_list_with_all_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, listed = run_json(capsys, "list")
    assert code == 0
    by_name = {each["name"]: each for each in listed if each["name"] in BUILT_IN}
    assert {name: each["state"] for name, each in by_name.items()} == dict.fromkeys(BUILT_IN, "ok") | {"csv": "yours"}
    assert by_name["ncf-ml-1m"]["parts"] == {"train": 994_169, "test": 6_040}
    assert by_name["gowalla"]["counts"]["interactions"] == 1_027_370
    assert round(by_name["gowalla"]["counts"]["density"], 5) == 0.00084

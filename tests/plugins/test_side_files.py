from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rexp.errors import ConfigError
from rexp.plugins.side_files import as_identity, side_files, unchanged


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.npy").write_text("vectors")
    (tmp_path / "bce").write_text("a file that is called like a loss")
    folder = tmp_path / "encoder" / "deep"
    folder.mkdir(parents=True)
    (folder / "weights").write_text("w")
    (folder / ".lock").write_text("hidden")
    return tmp_path


def test_files_and_folders_are_found_at_any_depth(here: Path) -> None:
    node = {
        "name": "bce",
        "vectors": "v.npy",
        "nested": {"encoders": ["encoder/deep", "none/there", 3, None]},
        "typed": here / "bce",
        "number": "0.5",
    }
    found = as_identity(side_files(node, "model", None))
    assert found == {
        "model.nested.encoders[0]": [["weights", sha("w")]],
        "model.typed": [["bce", sha("a file that is called like a loss")]],
        "model.vectors": [["v.npy", sha("vectors")]],
    }


def test_a_recorded_file_is_compared_by_content(here: Path) -> None:
    recorded = {"vectors": [file.facts() for file in side_files("v.npy", "vectors", None)["vectors"]]}
    assert unchanged(recorded, None)
    (here / "v.npy").write_text("vectorz")
    assert not unchanged(recorded, None)
    (here / "v.npy").unlink()
    assert not unchanged(recorded, None)


def test_a_folder_of_too_many_files_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rexp.plugins.side_files.MOST_FILES", 0)
    with pytest.raises(ConfigError, match=r"model\.encoder=encoder/deep is a folder of more than 0 files"):
        side_files({"encoder": "encoder/deep"}, "model", None)


@pytest.mark.parametrize("text", ["", ".", "x" * 5000 + "/", "nul\0.x"])
def test_what_is_no_path_is_none(here: Path, text: str) -> None:
    assert side_files({"text": text}, "model", None) == {}

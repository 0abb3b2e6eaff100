"""Output goes where a path says, and leaves what is there what it is."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from rexp.errors import StoreError
from rexp.io.output import print_or_write, write


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "table.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    for text in ("first", "second"):  # the target is not there, then it is
        print_or_write(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert [file.name for file in tmp_path.rglob("*") if file.name.startswith(".")] == []


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write(pipe, lambda temporary: temporary.write_bytes(b"whole"))
    reader.join(timeout=10)
    assert read == [b"whole"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays_a_device() -> None:
    print_or_write(Path("/dev/null"), "text")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_folder_is_no_place(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is a directory; name another file"):
        print_or_write(tmp_path, "text")
    assert list(tmp_path.parent.glob(f".{tmp_path.name}*")) == []

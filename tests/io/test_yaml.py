"""Slips in a YAML file of one's own are one line that names the file and the line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rexp.errors import ConfigError
from rexp.io.yaml import check_folder, read_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
FAULTS = {
    "twice": (b"model:\n  factors: 1\n  factors: 2\n", "line 3 has the key 'factors' a second time"),
    "bracket": (b"order: [fit\nstages: {}\n", "line 2 is no YAML: while parsing a flow sequence expected"),
    "latin": ("# gr\xfc\xdfe\n".encode("latin-1"), "line 1 is not UTF-8; save it in that encoding"),
    "tab": (b"model:\n\tfactors: 1\n", "line 2 is no YAML: while scanning for the next token found character"),
    "bomb": (BOMB.encode(), "has aliases that make more than 100,000 values; write them out"),
    "loop": (b"a: &a [*a]\n", "line 1 has an alias within what it stands for"),
    "deep": (b"[" * 5000 + b"]" * 5000, "is no YAML that can be read: maximum recursion depth"),
    "tag": (b"a: !!python/object/apply:os.system [ls]\n", "is no YAML: could not determine a constructor"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_and_where(tmp_path: Path, name: str) -> None:
    content, message = FAULTS[name]
    file = tmp_path / f"{name}.yaml"
    file.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        check_folder(tmp_path)
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 5


def test_aliases_and_merges_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "fine.yaml"
    file.write_text("base: &base {a: 1}\nother: {<<: *base, b: [*base, *base]}\n")
    assert read_yaml(file) == {"base": {"a": 1}, "other": {"a": 1, "b": [{"a": 1}, {"a": 1}]}}


def test_the_command_says_it(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "compress").mkdir()
    (tmp_path / "compress" / "mine.yaml").write_text("order: [fit\nstages: {}\n")
    done = command(f"--config-dir={tmp_path}", "compress=mine", "track=none")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"rexp: {tmp_path}/compress/mine.yaml, line 2 is no YAML: ")

"""Plugins that end the program, or never come back from their import."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

MODEL = """
import sys, time, os
from dataclasses import dataclass
from torch import nn
from rexp.api import Capability
AT_IMPORT

@dataclass
class Config:
    pass

class Model(nn.Module):
    Config = Config
    def __init__(self, config, spec):
        super().__init__()
    def capabilities(self):
        return frozenset({Capability.SCORES_ALL_ITEMS, Capability.CLOSED_FORM})
    def fit(self, split, generator):
        sys.exit(CODE)
    def score(self, query, items):
        return items * 0.0
    def score_all(self, query):
        return self.score(query, query.users)
"""


def install(site: Path, name: str, code: str = "0", at_import: str = "") -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(MODEL.replace("AT_IMPORT", at_import).replace("CODE", code))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rexp.models]\n{name} = {name}:Model\n")


@pytest.mark.parametrize("code", ["0", "'done'"])
def test_a_model_that_exits_is_a_failed_run(code: str, tmp_path: Path, command: Command) -> None:
    install(tmp_path / "site", "leaving", code)
    (tmp_path / "a.csv").write_text(
        "user,item\n" + "".join(f"{u},{(u + i) % 20}\n" for u in range(20) for i in range(5))
    )
    words = ("data=csv", "data.path=a.csv", "model=leaving", "track=none", "references=[]", "measure.latency=false")
    done = command(*words, on_path=[tmp_path / "site"], cwd=tmp_path)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("rexp:")]
    assert f"model 'leaving' of leaving 1.0 (leaving:Model) called sys.exit({code})" in line
    (result,) = (tmp_path / "runs").glob("*/result.json")
    assert json.loads(result.read_bytes())["status"] == "failed"


def test_imports_that_never_end_or_end_everything_are_named(tmp_path: Path, command: Command) -> None:
    install(tmp_path / "site", "looping", at_import="print('noise')\nwhile True: time.sleep(1)")
    install(tmp_path / "site", "vanishing", at_import="os._exit(3)")
    install(tmp_path / "site", "leaving", at_import="sys.exit(0)")
    done = command("plugins", "--check", "--kind", "model", "--seconds", "20", "--json", on_path=[tmp_path / "site"])
    assert done.returncode == 1
    faults = {row["name"]: row["fault"] for row in json.loads(done.stdout)["plugins"] if row["fault"]}
    assert faults.keys() == {"looping", "vanishing", "leaving"}
    assert "looping:Model) is not imported after 20 s" in faults["looping"]
    assert "ended the process that imported it, with code 3" in faults["vanishing"]
    assert "cannot be imported: SystemExit" in faults["leaving"]

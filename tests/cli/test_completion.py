"""Tab completion, asked as bash asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("rexp re", {"report", "recommend", "retriever="}),
        ("rexp ", {"report", "verify", "model="}),
        ("rexp mod", {"model=", "model."}),
        ("rexp model=", {"model=mf", "model=ncf", "model=pop", "model=random"}),
        ("rexp data=ml", {"data=ml-100k", "data=ml-1m"}),
        ("rexp data/split=", {"data/split=given", "data/split=leave_last", "data/split=ratio", "data/split=time_cut"}),
        ("rexp model=mf model.fac", {"model.factors="}),
        ("rexp seed=1 train.max", {"train.max_epochs="}),
    ],
)
def test_bash_is_offered(command: Callable[..., Any], line: str, offered: set[str]) -> None:
    words = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_CWORD": str(len(line.split(" ")) - 1)}
    done = command("-sc", "query=bash", env=words)
    assert done.returncode == 0, done.stderr
    assert offered <= set(done.stdout.split()), done.stdout
    assert done.stderr == ""


def test_a_verb_has_its_options_values_and_names(command: Callable[..., Any], tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for run in ("3f2a", "3f00", "77aa"):
        store.begin(run, {}, {})
        store.commit(run, {"config": {}, "data": {}, "metrics": {}, "seed": 0})
    lines = {
        "rexp recommend --u": {"--users"},
        "rexp report runs --ba": {"--baseline"},
        "rexp recommend 3f": {"3f2a", "3f00"},
        f"rexp verify --store {tmp_path / 'runs'} 7": {"77aa"},
        "rexp report mod": set(),
        "rexp new ret": {"retriever"},
        "rexp plugins ncf-": {"ncf-ml-1m"},
        "rexp plugins --kind sp": {"split"},
        "rexp data info ml-1m": {"ml-1m"},
        "rexp paper r": {"run", "record"},
        "rexp paper check study_d": {"study_distillation"},
        "rexp paper run --q": {"--quick"},
        "rexp tune mf_bpr --w": set(),
    }
    for line, offered in lines.items():
        words = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_CWORD": str(len(line.split(" ")) - 1)}
        done = command("-sc", "query=bash", env=words, cwd=tmp_path)
        assert set(done.stdout.split()) == offered, line


def test_a_verb_is_the_first_word_alone(command: Callable[..., Any]) -> None:
    done = command("-sc", "query=bash", env={"COMP_LINE": "rexp seed=1 re", "COMP_POINT": "14", "COMP_CWORD": "2"})
    assert "retriever=" in done.stdout.split()
    assert "report" not in done.stdout.split()


def test_the_script_for_bash_is_printed(command: Callable[..., Any]) -> None:
    done = command("-sc", "install=bash")
    assert done.returncode == 0
    assert "complete " in done.stdout

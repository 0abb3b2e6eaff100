"""What goes wrong in somebody else's code is told with its distribution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rexp.plugins.faults import last_met
from rexp.plugins.registry import Plugin

MODULE = '''
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from rexp.api import Capability


@dataclass
class Options:
    """Args: how: it fails."""

    how: Literal["not", "shape", "raises", "score"] = "not"


class Faulty(nn.Module):
    Config = Options

    def __init__(self, config, spec):
        super().__init__()
        self.how = config.how
        self.bias = nn.Parameter(torch.zeros(spec.n_items))

    def capabilities(self):
        return frozenset({Capability.SCORES_ALL_ITEMS})

    def score(self, query, items):
        if self.how == "raises":
            raise IndexError("no such row")
        return self.bias[items].sum() if self.how == "score" else self.bias[items]

    def score_all(self, query):
        return self.bias if self.how == "shape" else self.bias.expand(len(query.users), -1)
'''
ROWS = [f"{user},{(3 * user + place) % 20},{place}" for user in range(25) for place in range(6)]
NAMED = "rexp: model 'faulty' of rexp-faulty 1.5 "


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed distribution with one model."""
    site = tmp_path_factory.mktemp("site")
    (site / "faulty.py").write_text(MODULE)
    facts = site / "rexp_faulty-1.5.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: rexp-faulty\nVersion: 1.5\n")
    (facts / "entry_points.txt").write_text("[rexp.models]\nfaulty = faulty:Faulty\n")
    (site / "mine.csv").write_text("\n".join(["user,item,time", *ROWS]) + "\n")
    return site


@pytest.fixture(scope="module")
def run(command: Callable[..., Any], site: Path) -> Callable[..., Any]:
    def run(*words: str, cwd: Path, path: bool = True, env: dict[str, str] | None = None) -> Any:
        return command(*words, cwd=cwd, on_path=[site] if path else [], env=env)

    return run


def words(site: Path, how: str) -> list[str]:
    common = ["data=csv", f"data.path={site / 'mine.csv'}", "track=none", "references=[]", "measure.latency=false"]
    return [*common, "train.progress=none", "train.max_epochs=1", "model=faulty", f"model.how={how}"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("raises", "failed: IndexError: no such row (faulty.py, line 31); REXP_TRACEBACK=1 shows the traceback"),
        ("score", "gives scores of the shape (); "),
        ("shape", "gives scores of the catalogue of the shape (20,); (25, 20) is wanted (rexp.api)"),
    ],
)
def test_a_fault_within_a_run(run: Callable[..., Any], site: Path, tmp_path: Path, how: str, told: str) -> None:
    done = run(*words(site, how), cwd=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(NAMED + told), done.stderr
    assert "Traceback" not in done.stderr
    if how == "raises":
        assert "Traceback" in run(*words(site, how), cwd=tmp_path, env={"REXP_TRACEBACK": "1"}).stderr


@pytest.mark.slow
def test_a_run_whose_plugin_is_gone(run: Callable[..., Any], site: Path, tmp_path: Path) -> None:
    assert run(*words(site, "not"), cwd=tmp_path).returncode == 0
    (made,) = (file.parent.name for file in (tmp_path / "runs").glob("*/result.json"))
    for verb in ("recommend", "measure", "export"):
        done = run(verb, made, cwd=tmp_path, path=False)
        assert done.returncode == 1, done.stderr
        assert (
            f"run {made} was made with a plugin of rexp-faulty 1.5, which is not installed here; install it (pip "
            "install rexp-faulty)" in done.stderr
        )
        assert done.stderr.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["runs"]


class Split:
    def split(self) -> float:
        return helper()


class Tracker:
    def log(self) -> float:
        return helper()


def helper() -> float:
    return 1 / 0


@pytest.mark.parametrize(("name", "work"), [("Split", Split().split), ("Tracker", Tracker().log)])
def test_of_two_plugins_in_one_module_the_one_at_work_is_named(name: str, work: Callable[[], float]) -> None:
    plugins = [Plugin(kind, kind, f"{__name__}:{kind.capitalize()}", "two", "1") for kind in ("split", "tracker")]
    with pytest.raises(ZeroDivisionError) as caught:
        work()
    found = last_met(caught.value.__traceback__, plugins)
    assert found is not None
    assert (found[0].target, found[1].name) == (f"{__name__}:{name}", "helper")

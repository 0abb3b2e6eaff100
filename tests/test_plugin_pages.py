"""docs/plugins.md: a complete plugin of each kind, as distributions that are installed, tried, used and taken away."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rexp.plugins.registry import KINDS
from rexp.testing import cases_of
from tests.plugins.conftest import install

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
QUICK = ("measure.latency=false", "train.progress=none", "references=[]")


@dataclass(frozen=True)
class Example:
    """One plugin of the page.

    Args:
        source: its file.
        name: in a configuration, and of the file that an author makes of it.
        cls: the class.
        group: of entry points.
        command: that uses it.
    """

    source: Path
    name: str
    cls: str
    group: str
    command: str

    @property
    def kind(self) -> str:
        return self.source.stem

    @property
    def distribution(self) -> str:
        return f"my-{self.name.replace('_', '-')}"


def _examples() -> Iterator[Example]:
    found = re.findall(
        r"^```\{literalinclude\} (plugins/\w+\.py)\n:language: python\n```\n\n"
        r"As `(\w+)\.py`, with the entry point `\2 = \"\2:(\w+)\"` in the group `([\w.]+)`:\n\n```\nrexp (.*)\n```$",
        PAGE,
        re.M,
    )
    for file, name, cls, group, command in found:
        yield Example(ROOT / "docs" / file, name, cls, group, command)


EXAMPLES = {example.kind: example for example in _examples()}


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the page's data set reads: two tastes, in time."""
    path = tmp_path_factory.mktemp("lines") / "mine.jsonl"
    rows = [(user, 15 * (user % 2) + (7 * user + 3 * turn) % 15, 60 * turn) for user in range(40) for turn in range(9)]
    path.write_text("".join(json.dumps({"user": f"u{u}", "item": i, "time": t}) + "\n" for u, i, t in rows))
    return path


def test_there_is_a_file_of_each_kind_under_60_lines() -> None:
    assert set(EXAMPLES) == set(KINDS)
    for kind, example in EXAMPLES.items():
        assert example.group == KINDS[kind].entry_points
        assert len(example.source.read_text(encoding="utf-8").splitlines()) < 60, example.source
    assert {file.stem for file in (ROOT / "docs" / "plugins").glob("*.py")} == set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_keeps_its_contract(kind: str, lines: Path) -> None:
    example = EXAMPLES[kind]
    spec = importlib.util.spec_from_file_location(f"page_{kind}", example.source)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        options = [{"path": str(lines)}] if kind == "data" else []
        cases = cases_of(kind, example.name, getattr(module, example.cls), options=options)
        results = [result for case in cases for result in case.results()]
    finally:
        del sys.modules[spec.name]
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert any(result.outcome == "passed" for result in results)


def _write(example: Example, folder: Path) -> Path:
    """The distribution as the page says, from its own pyproject."""
    toml = re.search(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
    assert toml is not None
    text = toml[1].replace("my-top1", example.distribution).replace("rexp.losses", example.group)
    text = text.replace("top1:Top1", f"{example.name}:{example.cls}").replace("top1.py", f"{example.name}.py")
    text = re.sub(r"^top1 =", f"{example.name} =", text, flags=re.M)
    project = folder / example.distribution
    project.mkdir(parents=True)
    (project / "pyproject.toml").write_text(text)
    shutil.copy(example.source, project / f"{example.name}.py")
    written = [line for file in project.iterdir() for line in file.read_text(encoding="utf-8").splitlines() if line]
    assert len(written) < 60, (example.distribution, len(written))
    return project


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of them are installed."""
    folder = tmp_path_factory.mktemp("page")
    return install([_write(example, folder / "projects") for example in EXAMPLES.values()], folder)


@pytest.fixture(scope="module")
def rexp(command: Callable[..., Any], site: Path, lines: Path) -> Callable[..., Any]:
    """rexp beside them, in the folder of their file; it must succeed."""

    def run(*arguments: str, fails: bool = False) -> Any:
        done = command(*arguments, on_path=[site], cwd=lines.parent)
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done

    return run


@pytest.mark.slow
def test_they_are_distributions_whose_commands_compose(rexp: Callable[..., Any]) -> None:
    listed = json.loads(rexp("plugins", "--json").stdout)["plugins"]
    theirs = {(row["kind"], row["name"]): row["state"] for row in listed if row["distribution"].startswith("my-")}
    assert theirs == {(example.kind, example.name): "found" for example in EXAMPLES.values()}
    for example in EXAMPLES.values():
        if example.kind == "explainer":  # no part of a run: it is asked of a finished one
            assert example.command.split()[0] == "recommend"
            continue
        assert example.name in example.command
        rexp(*shlex.split(example.command), "--cfg", "job")


@pytest.mark.slow
def test_they_work_together_and_without_one_the_others_do(rexp: Callable[..., Any], site: Path, lines: Path) -> None:
    job = [
        *("data=jsonl", f"data.path={lines}", "data/split=gap_cut", "model=biased_mf", "model.factors=4", "loss=top1"),
        *("sampler=head", "compress=kd", "compress/stage@compress.stages.distill=margin_mse", "model@teacher=itemknn"),
        *("evaluate.metrics=[ndcg,arp]", "track=epochs", "train.max_epochs=2", *QUICK),
    ]
    rexp(*job)
    rexp(*job, "evaluate=two_stage", "evaluate.metrics=[ndcg,arp]", "retriever=shortened", "retriever.n_candidates=10")
    results = [json.loads(file.read_text()) for file in (lines.parent / "runs").glob("*/result.json")]
    [run] = [result["run_id"] for result in results if "arp@10|two_stage" in result["metrics"]]
    [plain] = [result["run_id"] for result in results if "arp@10" in result["metrics"] and "loss" in result["labels"]]
    assert len((lines.parent / "runs" / plain / "epochs.jsonl").read_text().splitlines()) == 3

    assert "why" in rexp(*shlex.split(EXAMPLES["explainer"].command.replace("3f2a", plain))).stdout

    rexp("plugins", "--check")
    for kind in ("loss", "stage", "data", "metric", "retriever", "model"):
        example = EXAMPLES[kind]
        with _uninstalled(site, example):
            listed = json.loads(rexp("plugins", "--json").stdout)["plugins"]
            theirs = {row["name"] for row in listed if row["distribution"].startswith("my-")}
            assert theirs == {other.name for other in EXAMPLES.values()} - {example.name}
            assert run in rexp("report", "--rows", "run,model", "--markdown").stdout
            named = f"was made with a plugin of {example.distribution} 1.0, which is not installed"
            assert named in rexp("recommend", run, "--users", "u1", fails=True).stderr
    rexp("recommend", plain, "--users", "u1")


class _uninstalled:  # noqa: N801  it is used as a function
    """A distribution's files, out of the way for a while."""

    def __init__(self, site: Path, example: Example) -> None:
        [info] = site.glob(f"my_{example.name}-*.dist-info")
        self.files = [info, site / f"{example.name}.py"]

    def __enter__(self) -> None:
        for file in self.files:
            file.rename(file.with_name(f"{file.name}.away"))

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.with_name(f"{file.name}.away").rename(file)

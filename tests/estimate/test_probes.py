"""Probes on work whose time is known, by a clock that nothing else moves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rexp.__main__ import main
from rexp.estimate import evaluation_probe
from rexp.estimate.closed_form_probe import FitCost, _power, part_of, time_fit
from rexp.estimate.evaluation_probe import time_evaluation
from rexp.estimate.fit_probe import time_steps
from rexp.estimate.held import held_bytes
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator
from rexp.models.mf import MF, MFConfig
from rexp.plugins import registry
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.job import FitJob
from tests.models.helpers import two_tastes

SPLIT = two_tastes()  # 40 users with 8 items each


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on while something sleeps, and stands still else."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


def job_of(folder: Path, batch_size: int, pause: float = 0.0, factors: int = 4) -> FitJob:
    def made(kind: str, name: str, *arguments: Any, **options: Any) -> Any:
        plugin: Any = registry.load(kind, name)
        return plugin(plugin.Config(**options), *arguments)

    model = MF(MFConfig(factors=factors), SPLIT.spec)
    score = model.score

    def slowly(query: Any, items: Any) -> Any:
        time.sleep(pause)
        return score(query, items)

    model.score = slowly  # type: ignore[method-assign]
    recipe = FitConfig(batch_size=batch_size, select_epoch="last", validate_on="none")
    sampler = made("sampler", "uniform", SPLIT, n=1)
    device = DeviceConfig(progress="none", accelerator="cpu")
    return FitJob(model, SPLIT, recipe, device, made("loss", "bpr"), sampler, 0, folder)


@pytest.mark.usefixtures("clock")
def test_steps_are_timed_and_counted(tmp_path: Path) -> None:
    found = time_steps(job_of(tmp_path, 10, pause=0.01), seconds=0.15)
    assert found.steps == 32
    assert found.step == pytest.approx(0.01)
    assert found.epoch == pytest.approx(0.32)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("clock")
def test_an_epoch_shorter_than_the_probe_is_timed_whole(tmp_path: Path) -> None:
    found = time_steps(job_of(tmp_path, 320, pause=0.01), seconds=5.0)
    assert found.steps == 1
    assert found.step == pytest.approx(0.01)


def test_activations_are_the_vectors_of_a_batch(tmp_path: Path) -> None:
    """Of 160 rows the user's, the positive's and the negative's, in numbers of 4 bytes."""
    small, large = (time_steps(job_of(tmp_path, 160, factors=factors), 0.0).activation_bytes for factors in (8, 40))
    assert large - small == 160 * 3 * 32 * 4


class Cubic:
    """Sleeps, and fills memory, by a power of the items."""

    def fit(self, split: Any, generator: torch.Generator) -> None:
        time.sleep(2e-10 * split.n_items**3)


GROWING = [(256, 0.001, 10), (1024, 0.019, 1000), (4096, 0.05, 8000)]


@pytest.mark.usefixtures("clock")
def test_a_closed_form_is_carried_on_by_its_power() -> None:
    split = two_tastes(n_users=4, n_items=4096)
    found = time_fit(lambda part: Cubic(), split, 0, seconds=0.6)
    assert found.items == 1024  # 3 + 27 + 215 ms; the next would take 1.7 s
    assert found.seconds == pytest.approx(2e-10 * 4096**3)


def test_what_takes_no_time_says_nothing_of_how_it_grows() -> None:
    measured = [FitCost(seconds, bytes_, items, None, SPLIT) for items, seconds, bytes_ in GROWING]
    assert _power(measured, "seconds", 0.02, 3.0) == 1.0
    assert _power(measured, "bytes", 1000, 2.0) == pytest.approx(1.5)


@pytest.mark.usefixtures("clock")
def test_a_small_catalogue_is_fitted_whole() -> None:
    split = two_tastes(n_users=4, n_items=500)
    found = time_fit(lambda part: Cubic(), split, 0, seconds=2.0)
    assert (found.items, found.part) == (500, split)
    assert found.seconds == pytest.approx(2e-10 * 500**3)


def test_a_part_has_the_first_items_alone() -> None:
    part = part_of(SPLIT, 15)
    assert (part.n_items, part.n_users) == (15, 40)
    assert len(part.train) == 20 * 8  # those of one taste
    assert part.train.items.max() < 15
    assert part.fingerprint != SPLIT.fingerprint


@pytest.mark.usefixtures("clock")
def test_an_evaluation_is_carried_on_from_few_users(monkeypatch: pytest.MonkeyPatch) -> None:
    split = two_tastes(n_users=600, n_items=31)
    tested = replace(split, test=split.train, train=split.train.take(np.arange(len(split.train)) % 8 > 0))
    model = MF(MFConfig(factors=4), tested.spec)
    vectors, asked = model.user_embeddings, []

    def slowly(query: Any) -> Any:
        asked.append(len(query.users))
        time.sleep(1e-3 * len(query.users))
        return vectors(query)

    model.user_embeddings = slowly  # type: ignore[method-assign]
    monkeypatch.setattr(evaluation_probe, "MOST_USERS", 60)
    evaluator = Evaluator(tested, EvaluateConfig(k=[5], mask=[]))
    found = time_evaluation(model, evaluator)
    assert asked == [60, 60]
    assert found == pytest.approx(1e-3 * 600)


def test_arrays_are_counted_once() -> None:
    array, tensor = np.zeros(4), torch.zeros(3)
    holder = SimpleNamespace(a=array, b=[array, {"c": tensor, "d": tensor[:2]}], e=SimpleNamespace(f=np.zeros(1)))
    assert held_bytes(holder, array) == 32 + 12 + 8


@pytest.mark.slow
def test_memory_is_near_what_a_real_fit_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["model=mf", "train.max_epochs=1", "track=none", "references=[]", "measure.latency=false"]
    where = [f"paths.store={tmp_path}"]
    assert main(["plan", "--json", *words, *where]) == 0
    (planned,) = json.loads(capsys.readouterr().out)
    seconds = [step["seconds"]["known"] for step in planned["steps"]]
    assert min(seconds) > 0
    peak = sum(part["bytes"] for part in planned["memory"])
    subprocess.run([sys.executable, "-m", "rexp", *words, *where], check=True, capture_output=True, timeout=300)
    result = json.loads((tmp_path / planned["run"] / "result.json").read_text())
    assert 1 / 3 < peak / result["cost"]["peak_bytes"] < 3
    assert 1 / 10 < sum(seconds) / (result["cost"]["fit_seconds"] + result["cost"]["evaluate_seconds"]) < 10

"""What a plugin sets for the whole process ends with its job."""

from __future__ import annotations

import locale
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rexp.plugins.process_state import restored

CHANGES: dict[str, tuple[Callable[[], Any], Callable[[], object]]] = {
    "torch's default dtype (torch.float32 -> torch.float64)": (
        torch.get_default_dtype,
        lambda: torch.set_default_dtype(torch.float64),
    ),
    "torch's default device (cpu -> meta)": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "torch's gradients (True -> False)": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "torch's anomaly detection (False -> True)": (
        torch.is_anomaly_enabled,
        lambda: torch.autograd.set_detect_anomaly(True),
    ),
    "torch's autocast (False -> True)": (
        lambda: torch.is_autocast_enabled("cpu"),
        lambda: torch.set_autocast_enabled("cpu", True),
    ),
    "torch's deterministic mode (0 -> 1)": (
        torch.are_deterministic_algorithms_enabled,
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    ),
    "torch's matmul precision (highest -> medium)": (
        torch.get_float32_matmul_precision,
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
    "torch's threads": (torch.get_num_threads, lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    "torch's flushing of denormal numbers (False -> True)": (
        lambda: torch.tensor(1e-38).div(2).item() == 0,
        lambda: torch.set_flush_denormal(True),
    ),
    "torch.backends.cudnn.benchmark (False -> True)": (
        lambda: torch.backends.cudnn.benchmark,
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
    ),
    "torch.backends.mkldnn.enabled (True -> False)": (
        lambda: torch.backends.mkldnn.enabled,
        lambda: setattr(torch.backends.mkldnn, "enabled", False),
    ),
    "numpy.seterr (divide, invalid)": (np.geterr, lambda: np.seterr(divide="raise", invalid="ignore")),
    "environment variables (PLANTED, WORD)": (
        lambda: (os.environ.get("PLANTED"), os.environ.get("WORD")),
        lambda: os.environ.update(PLANTED="secret", WORD="other"),
    ),
    "the locale": (lambda: locale.setlocale(locale.LC_ALL), lambda: locale.setlocale(locale.LC_ALL, "POSIX")),
    "the working directory": (Path.cwd, lambda: os.chdir("/")),
}
UNTOLD: dict[str, tuple[Callable[[], Any], Callable[[], object]]] = {
    "random": (lambda: random.getstate(), lambda: random.seed(3)),
    "numpy.random": (lambda: np.random.get_state()[1].tolist(), lambda: np.random.seed(3)),  # noqa: NPY002
    "torch.random": (lambda: torch.get_rng_state().tolist(), lambda: torch.manual_seed(3)),
    "warnings": (lambda: list(warnings.filters), lambda: warnings.simplefilter("ignore")),
}


@pytest.fixture(autouse=True)
def word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "mine")
    if locale.setlocale(locale.LC_ALL) == "C":
        locale.setlocale(locale.LC_ALL, "C.UTF-8")


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_set_is_put_back_and_told_in_one_line(change: str, capsys: pytest.CaptureFixture[str]) -> None:
    read, write = CHANGES[change]
    before = read()
    with restored("this test"):
        write()
        assert read() != before
    assert read() == before
    told = capsys.readouterr().err
    assert told.startswith(f"note: this test changed {change}")
    assert told.endswith(" for the whole process; it is put back\n")
    assert told.count("\n") == 1
    assert "secret" not in told


@pytest.mark.parametrize("what", UNTOLD)
def test_chance_and_warnings_are_put_back_without_a_word(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    read, write = UNTOLD[what]
    before = read()
    with restored("this test"):
        write()
        assert read() != before
    assert read() == before
    assert capsys.readouterr().err == ""


def test_a_job_that_fails_is_put_back_too(capsys: pytest.CaptureFixture[str]) -> None:
    def job() -> None:
        with restored("this test"):
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            raise KeyError

    with pytest.raises(KeyError):
        job()
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    told = capsys.readouterr().err
    assert "default dtype (torch.float32 -> torch.float64), torch's gradients (True -> False) for" in told


def test_a_removed_variable_comes_back() -> None:
    with restored("this test"):
        del os.environ["WORD"]
    assert os.environ["WORD"] == "mine"


MODEL = """
import os, random
import numpy as np, torch
from rexp.models.mf import MF, MFConfig

if {at_import}:
    torch.set_default_dtype(torch.float64)

class Leaky(MF):
    Config = MFConfig
    def __init__(self, config, spec):
        if not {at_import}:
            torch.set_default_dtype(torch.float64)
        super().__init__(config, spec)
        self.drawn = (random.random(), np.random.rand())
        np.seterr(all="ignore")
        os.environ["LEAKY"] = "1"
        torch.set_default_dtype(torch.float64)

    def train(self, mode=True):
        print("drawn", *self.drawn)
        return super().train(mode)
"""


@pytest.mark.slow
@pytest.mark.parametrize("at_import", [True, False])
def test_the_jobs_of_a_sweep_are_what_they_are_alone(
    command: Callable[..., Any], tmp_path: Path, at_import: bool
) -> None:
    """A model that sets the default dtype, and draws from generators that it did not seed."""
    info = tmp_path / "site" / "leaky-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rexp.models]\nleaky = leaky_model:Leaky\n")
    (tmp_path / "site" / "leaky_model.py").write_text(MODEL.format(at_import=at_import))
    rows = [f"{user},{(7 * user + 3 * place) % 30},{place}" for user in range(20) for place in range(8)]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    words = [
        *("data=csv", f"data.path={tmp_path / 'mine.csv'}", "track=none", "references=[]", "measure.latency=false"),
        *("train.max_epochs=2", "train.batch_size=64", "train.progress=none"),
    ]

    def rexp(*more: str, store: str) -> Any:
        done = command(*more, *words, f"paths.store={tmp_path / store}", on_path=[tmp_path / "site"])
        assert done.returncode == 0, done.stderr
        return done

    together = rexp("-m", "model=leaky,mf", "model.factors=4", "seed=0,1", store="together")
    for model in ("leaky", "mf"):
        rexp(f"model={model}", "model.factors=4", "seed=1", store="alone")
    weights = {
        folder: {file.parent.name: file.read_bytes() for file in (tmp_path / folder).glob("*/model.safetensors")}
        for folder in ("together", "alone")
    }
    assert len(weights["alone"]) == 2
    assert {run: weights["together"][run] for run in weights["alone"]} == weights["alone"]
    changed = [line for line in together.stderr.splitlines() if "for the whole process; it is put back" in line]
    assert len(changed) == 2 + at_import, together.stderr
    assert ("the import of model 'leaky' of leaky 1.0 (leaky_model:Leaky)" in changed[0]) == at_import
    told = "changed environment variables (LEAKY), numpy.seterr (divide, invalid, over), torch's default dtype"
    assert all(told in line for line in changed[at_import:]), changed
    drawn = [line for line in together.stdout.splitlines() if line.startswith("drawn")]
    assert len(set(drawn)) == 2

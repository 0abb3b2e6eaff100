"""``scripts/gpu-check`` rehearsed on the CPU, and what its watch sees of steps that are not as they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPTS = Path(__file__).parents[1] / "scripts"


def gpu_check(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "gpu-check"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def device_watch(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from _bench import device_watch

    return device_watch


@pytest.mark.slow
def test_the_rehearsal_goes_through_all_checks() -> None:
    done = gpu_check("--device", "cpu", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("metrics differ by 0.0e+00") == 4
    assert done.stdout.count("ok    operations on tensors of another device: none") == 3
    assert ", of 0" not in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_in_a_line() -> None:
    done = gpu_check()
    assert done.returncode == 77
    assert done.stdout.splitlines() == [
        "gpu-check: torch finds no CUDA GPU here, so nothing was checked (--device cpu rehearses it)"
    ]


def test_the_watch_names_what_is_elsewhere_and_counts_what_is_read(device_watch: Any) -> None:
    there, here = torch.ones(3, device="meta"), torch.ones(3)
    with device_watch.Watch(torch.device("meta")) as watch:
        _ = there + there
        assert watch.elsewhere == []
        _ = here * 2
    assert watch.elsewhere == ["aten.mul.Tensor"]
    with device_watch.Watch(torch.device("cpu")) as watch:
        float(here.sum())
        here.nonzero()
    assert (watch.reads, watch.elsewhere) == (2, [])

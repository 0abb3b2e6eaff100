"""A fit that is killed and started again ends with the weights it would have had, byte for byte."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.errors import Interrupted
from rexp.train.checkpoint import forget_checkpoints
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.fit import FitReport, fit
from rexp.train.job import FitJob
from rexp.train.model_selection import copy_weights
from tests.train.tiny import Dot, Drawn, Logistic, make_split

if TYPE_CHECKING:
    from torch import nn

    from rexp.api import Negatives

ROOT = Path(__file__).parents[2]
SIGNAL = "REXP_TEST_SIGNAL"
SELECTIONS = ["best", "last", "last_k"]


def train(directory: Path, select: str = "best", kill: int | None = None, epochs: int = 6) -> tuple[str, FitReport]:
    """Six epochs with dropout; with ``kill``, the process gets that signal in the middle of the fourth."""
    split = make_split()
    model = Dot(split)
    sampler = Drawn(split.n_items)
    original, draws = sampler.sample, itertools.count(1)

    def validate(candidate: nn.Module) -> Mapping[str, float]:
        return {"ndcg@10": float(candidate.state_dict()["items"].mean())}

    def draw(*arguments: Any) -> Negatives:
        # 75 steps are three chunks: the eleventh draw comes after the first 32 steps of the fourth epoch.
        if next(draws) == 11 and kill is not None:
            os.kill(os.getpid(), kill)
        return original(*arguments)

    sampler.sample = draw  # type: ignore[method-assign]
    decay = 0.5 if select == "best" else 1.0
    recipe = FitConfig(
        max_epochs=epochs,
        batch_size=32,
        lr=0.01,
        lr_decay=decay,
        select_epoch=select,  # type: ignore[arg-type]
        last_k=3,
    )
    device = DeviceConfig(progress="none")
    report = fit(FitJob(
        model, split, recipe, device, loss=Logistic(), sampler=sampler, seed=5, directory=directory,
        validate=validate,
    ))  # fmt: skip
    return digest(model), report


def digest(model: nn.Module) -> str:
    return hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in copy_weights(model).values())).hexdigest()


def killed(directory: Path, select: str, number: int) -> subprocess.CompletedProcess[str]:
    """The same fit in a process of its own, which gets a signal."""
    code = "import sys, pathlib; from tests.train.test_resume import train; "
    code += f"train(pathlib.Path(sys.argv[1]), {select!r}, {int(number)})"
    return subprocess.run(
        [sys.executable, "-c", code, str(directory)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, FitReport]]:
    return {select: train(tmp_path_factory.mktemp(select), select) for select in SELECTIONS}


@pytest.mark.slow
@pytest.mark.parametrize("select", SELECTIONS)
def test_killed_in_the_fourth_epoch_and_started_again(
    tmp_path: Path, whole: dict[str, tuple[str, FitReport]], select: str
) -> None:
    ended = killed(tmp_path, select, signal.SIGKILL)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    weights, report = train(tmp_path, select)
    expected, whole_report = whole[select]
    assert weights == expected
    assert report.epochs_run == 6
    assert [row["train_loss"] for row in report.curve] == [row["train_loss"] for row in whole_report.curve]
    assert report.selected == whole_report.selected


@pytest.mark.slow
def test_sigterm_raises_interrupted_and_leaves_the_last_whole_epoch(
    tmp_path: Path, whole: dict[str, tuple[str, FitReport]]
) -> None:
    ended = killed(tmp_path, "best", signal.SIGTERM)
    assert ended.returncode != 0
    assert ended.stderr.strip().splitlines()[-1].startswith("rexp.errors.Interrupted: stopped by SIGTERM after epoch 3")
    assert train(tmp_path)[0] == whole["best"][0]


@pytest.mark.slow
def test_ctrl_c_stays_a_keyboard_interrupt(tmp_path: Path) -> None:
    def validate(model: nn.Module) -> Mapping[str, float]:
        raise KeyboardInterrupt

    split = make_split()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(FitJob(
            Dot(split), split, FitConfig(max_epochs=2), DeviceConfig(progress="none"), loss=Logistic(),
            sampler=Drawn(60), seed=0, directory=tmp_path, validate=validate,
        ))  # fmt: skip
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_waits_while_an_epoch_is_told(tmp_path: Path) -> None:
    split = make_split()

    def on_epoch(epoch: int, values: Mapping[str, float]) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            pytest.fail("the signal came in the middle")

    with pytest.raises(Interrupted, match="after epoch 1;") as caught:
        fit(FitJob(
            Dot(split), split, FitConfig(max_epochs=2, select_epoch="last"), DeviceConfig(progress="none"),
            loss=Logistic(), sampler=Drawn(60), seed=0, directory=tmp_path, validate=None, on_epoch=[on_epoch],
        ))  # fmt: skip
    assert caught.value.exit_code == 143
    assert (tmp_path / "checkpoints" / "last.ckpt").exists()


def test_a_finished_fit_is_not_trained_again(tmp_path: Path, whole: dict[str, tuple[str, FitReport]]) -> None:
    first = train(tmp_path)
    assert first == train(tmp_path)
    forget_checkpoints(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "foreign"])
def test_a_corrupt_checkpoint_is_never_trusted(
    tmp_path: Path, whole: dict[str, tuple[str, FitReport]], damage: str
) -> None:
    train(tmp_path)
    path = tmp_path / "checkpoints" / "last.ckpt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"truncated": content[:999], "flipped": content, "empty": b"", "foreign": b"PK" * 999}[damage])
    with pytest.warns(UserWarning, match="corrupt and not used") as caught:
        weights, _ = train(tmp_path)
    assert len(caught) == 1
    assert weights == whole["best"][0]


def test_a_checkpoint_of_another_recipe_is_not_used(tmp_path: Path, whole: dict[str, tuple[str, FitReport]]) -> None:
    train(tmp_path, epochs=2)
    with pytest.warns(UserWarning, match="another recipe"):
        assert train(tmp_path)[0] == whole["best"][0]

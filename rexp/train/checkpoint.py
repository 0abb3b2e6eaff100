"""The state of a fit at the end of an epoch, on the disk: whole, checked, and plain tensors and numbers only."""

from __future__ import annotations

import hashlib
import io
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import torch

from rexp.io.atomic import one_line_errors, replace_atomically

if TYPE_CHECKING:
    from rexp.train.curve import EpochRow
    from rexp.train.model_selection import SelectionState, Weights

MAGIC = b"rexpfit1"
DIGEST = hashlib.sha256().digest_size


class FitState(TypedDict):
    """A fit at the end of an epoch: tensors, numbers, text, and lists and dicts of them.

    Args:
        belongs_to: the fit's fingerprint.
        epoch: the last one, from 1, over all processes that worked on the fit.
        stopped: patience came to an end.
        model, attachments: their weights.
        optimizer, scaler: their own states.
        selection: what may still be selected.
        curve: of all epochs.
    """

    belongs_to: str
    epoch: int
    stopped: bool
    model: Weights
    attachments: Weights
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    selection: SelectionState
    curve: list[EpochRow]


def save_checkpoint(directory: Path, state: FitState) -> None:
    """Replace the checkpoint under ``directory/checkpoints`` in one step.

    Args:
        directory: the run's folder.
        state: of the fit.

    Raises:
        StoreError: the file system refused; the checkpoint before is still there.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getbuffer()
    path = _path(directory)
    with one_line_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(content).digest())
            file.write(content)

    replace_atomically(path, write)


def load_checkpoint(directory: Path, belongs_to: str) -> FitState | None:
    """The state to go on from, or None.

    Args:
        directory: the run's folder.
        belongs_to: what ``state["belongs_to"]`` must be: a checkpoint of another fit is not used.

    Returns:
        None where there is no checkpoint; also, with one warning, where it is corrupt or of another fit.
    """
    path = _path(directory)
    if not path.exists():
        return None
    with one_line_errors(path):
        raw = path.read_bytes()
    content = memoryview(raw)[len(MAGIC) + DIGEST :]
    if raw[: len(MAGIC)] != MAGIC or hashlib.sha256(content).digest() != raw[len(MAGIC) : len(MAGIC) + DIGEST]:
        warnings.warn(f"{path} is corrupt and not used; training starts anew", stacklevel=2)
        return None
    state: FitState = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if state.get("belongs_to") != belongs_to:
        warnings.warn(f"{path} is of another recipe and not used; training starts anew", stacklevel=2)
        return None
    return state


def forget_checkpoints(directory: Path) -> None:
    """Remove the checkpoints of a run whose result is committed."""
    shutil.rmtree(directory / "checkpoints", ignore_errors=True)


def _path(directory: Path) -> Path:
    return directory / "checkpoints" / "last.ckpt"

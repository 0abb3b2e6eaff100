"""A model's weights on disk: safetensors, with a checksum in the run's result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rexp.api.model import RESIZABLE
from rexp.errors import StoreError
from rexp.io.atomic import checksum, describe, one_line_errors, replace_atomically

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rexp.io.json_types import Json

WEIGHTS = "model.safetensors"


def save_model(model: nn.Module, directory: Path, name: str = WEIGHTS) -> Json:
    """Write parameters and persistent buffers; a tensor with several names is written once.

    Args:
        model: on any device.
        directory: the run's folder.
        name: of the file.

    Returns:
        ``file``, ``bytes``, ``sha256`` and ``tensors``: shape and dtype by name.

    Raises:
        StoreError: the folder cannot be written.
    """
    path = directory / name
    state: Mapping[str, Tensor] = model.state_dict()
    unique, shared = _without_repeats(state)

    def write(temporary: Path) -> None:
        try:
            save_file(unique, temporary, metadata={"shared": json.dumps(shared, sort_keys=True)})
        except SafetensorError as error:
            raise OSError(None, f"safetensors: {error}") from error

    replace_atomically(path, write)
    tensors = {
        name: {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
        for name, tensor in state.items()
    }
    return {"file": name, **describe(path), "tensors": tensors}


def load_weights(directory: Path, steps: int | None = None) -> dict[str, Tensor]:
    """The tensors of a finished run by name, on the CPU: of its result, or of its model after its first steps.

    Raises:
        StoreError: there are none, or they are not those the result speaks of.
    """
    recorded = _recorded(directory, steps)
    path = directory / str(recorded["file"])
    _check(path, str(recorded["sha256"]))
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            shared = json.loads((file.metadata() or {}).get("shared", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}; run {directory.name} again with force=true") from error
    return weights | {name: weights[first] for name, first in shared.items()}


def load_state(model: nn.Module, directory: Path, steps: int | None = None) -> None:
    """Put a finished run's weights (or those after its first steps) into a model; every name and shape must agree.

    Raises:
        StoreError: see :func:`load_weights`; or the model is another one.
    """
    weights = load_weights(directory, steps)
    # A sparse matrix has the size that it was fitted to.
    grown = {name for path, part in model.named_modules() if RESIZABLE.of(part) for name in _names(path, part)}
    own = {name: () if name in grown else tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    stored = {name: () if name in grown else tuple(tensor.shape) for name, tensor in weights.items()}
    if own != stored:
        name = min(name for name in own.keys() | stored.keys() if own.get(name) != stored.get(name))
        raise StoreError(
            f"the weights of run {directory.name} do not fit the model: '{name}' is {stored.get(name, 'absent')} "
            f"in the store and {own.get(name, 'absent')} in the model; take a run of the same model and sizes"
        )
    model.load_state_dict(weights)


def _names(path: str, part: nn.Module) -> list[str]:
    """The full names of the tensors of a part of a model."""
    return [f"{path}.{name}" if path else name for name in part.state_dict()]


def _without_repeats(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors to write, none of which share memory, and the further names of those that have several."""
    unique: dict[str, Tensor] = {}
    shared: dict[str, str] = {}
    first_of: dict[tuple[Any, ...], str] = {}
    for name, tensor in state.items():
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        if tensor.numel() and place in first_of:
            shared[name] = first_of[place]
            continue
        first_of[place] = name
        # A view of part of another tensor is written as a tensor of its own.
        whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
        contiguous = tensor.detach().cpu().contiguous()
        unique[name] = contiguous if whole else contiguous.clone()
    return unique, shared


def _recorded(directory: Path, steps: int | None) -> Mapping[str, str]:
    """What the result says of the file of weights."""
    path = directory / "result.json"
    try:
        result = json.loads(path.read_bytes())
        recorded = result["weights"] if steps is None else result["steps"][steps - 1]["weights"]
        return {"file": recorded["file"], "sha256": recorded["sha256"]}
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise StoreError(
            f"run {directory.name} has no finished result in {directory.parent}; run its command again"
        ) from error


def _check(path: Path, recorded: str) -> None:
    if not path.is_file():
        raise StoreError(f"{path} is missing; run {path.parent.name} again with force=true")
    with one_line_errors(path):
        found = checksum(path)
    if found != recorded:
        raise StoreError(
            f"{path} is corrupt: its sha256 is {found[:12]}…, the result says {recorded[:12]}…; "
            f"run {path.parent.name} again with force=true"
        )

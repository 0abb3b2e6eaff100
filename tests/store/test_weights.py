from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
import torch
from torch import nn

from rexp.errors import StoreError
from rexp.store.store import Store
from rexp.store.weights import load_state, load_weights, save_model

RUN = "0123456789ab"


class Tied(nn.Module):
    """Shared parameters, buffers of several types, views of one storage."""

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.first = nn.Embedding(size, 3)
        self.second = nn.Embedding(size, 3)
        self.second.weight = self.first.weight
        joined = torch.arange(12.0).reshape(2, 6)
        self.register_buffer("left", joined[:, :3])
        self.register_buffer("right", joined[:, 3:])
        self.register_buffer("counts", torch.tensor([1, 2, 3]))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.register_buffer("empty", torch.empty(0, 3))
        self.register_buffer("scalar", torch.tensor(2.5, dtype=torch.bfloat16))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)


def stored(root: Path, model: nn.Module) -> Path:
    store = Store(root)
    directory = store.begin(RUN, {}, {})
    store.commit(RUN, {"weights": save_model(model, directory)})
    return directory


def test_everything_comes_back_bit_for_bit(tmp_path: Path) -> None:
    model = Tied()
    directory = stored(tmp_path, model)
    weights = load_weights(directory)
    state = model.state_dict()
    assert set(weights) == set(state)
    for name, tensor in state.items():
        assert weights[name].dtype == tensor.dtype
        assert torch.equal(weights[name], tensor), name
    other = Tied()
    load_state(other, directory)
    assert other.first.weight is other.second.weight
    assert torch.equal(other.first.weight, model.first.weight)


def test_the_record_says_what_was_written(tmp_path: Path) -> None:
    record = save_model(Tied(), tmp_path)
    content = (tmp_path / record["file"]).read_bytes()
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    assert record["bytes"] == len(content)
    assert record["tensors"]["first.weight"] == {"shape": [4, 3], "dtype": "float32"}
    assert "scratch" not in record["tensors"]
    # A shared tensor is written once: 12 + 12 floats, 3 int64, 2 bool, 1 bfloat16, and a header.
    assert len(content) < 4 * 24 + 3 * 8 + 2 + 2 + 1024


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    model = Tied()
    (tmp_path / "again").mkdir()
    assert save_model(model, tmp_path) == save_model(model, tmp_path / "again")


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, Tied()) / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"model\.safetensors is corrupt: .*; run 0123456789ab again with force=true"):
        load_weights(path.parent)


def test_missing_weights_and_unfinished_runs_are_refused(tmp_path: Path) -> None:
    directory = stored(tmp_path, Tied())
    (directory / "model.safetensors").unlink()
    with pytest.raises(StoreError, match="is missing"):
        load_weights(directory)
    Store(tmp_path).mark(RUN, "failed")
    with pytest.raises(StoreError, match="no finished result"):
        load_weights(directory)


def test_another_model_is_refused_by_name(tmp_path: Path) -> None:
    directory = stored(tmp_path, Tied())
    with pytest.raises(StoreError, match=r"'first\.weight' is \(4, 3\) in the store and \(5, 3\) in the model"):
        load_state(Tied(5), directory)
    with pytest.raises(StoreError, match="'bias' is absent in the store"):
        load_state(nn.Linear(2, 2), directory)


def test_a_full_disk_leaves_the_old_weights(tmp_path: Path) -> None:
    import resource
    import signal

    model = Tied()
    save_model(model, tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            save_model(Tied(1000), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_the_weights_is_for_the_umask_to_say(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save_model(Tied(), tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.safetensors").stat().st_mode) == mode

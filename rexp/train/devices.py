"""From rexp's device options to Lightning's."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Literal, TypedDict

import torch

from rexp.errors import ConfigError
from rexp.io.text import note

if TYPE_CHECKING:
    from rexp.train.config import DeviceConfig, FitConfig


class TrainerOptions(TypedDict):
    """Arguments of Lightning's Trainer, by its names."""

    devices: int
    accelerator: str
    strategy: str
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]


def trainer_options(device: DeviceConfig, recipe: FitConfig) -> TrainerOptions:
    """The devices and the precision that Lightning is asked for.

    Raises:
        ConfigError: a precision or a number of devices that this machine does not have.
    """
    on_gpu = _on_gpu(device)
    if on_gpu and not torch.cuda.is_available():
        raise ConfigError(
            f"train.accelerator={device.accelerator}, but there is no GPU here; take train.accelerator=cpu"
        )
    if device.accelerator == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("train.accelerator=mps, but there is no Apple GPU here; take train.accelerator=cpu")
    if on_gpu and device.devices > torch.cuda.device_count():
        raise ConfigError(f"train.devices={device.devices}, but there are {torch.cuda.device_count()} GPUs here")
    if device.precision == "16-mixed":
        if not on_gpu:
            raise ConfigError("train.precision=16-mixed needs a GPU; take bf16-mixed, which works on the CPU too")
        if recipe.clip_norm is not None:
            raise ConfigError(
                "train.clip_norm cannot clip the scaled gradients of 16-mixed; take train.precision=bf16-mixed"
            )
    if device.precision == "bf16-mixed" and not on_gpu and device.accelerator != "mps" and not _computes_bf16():
        note(
            "train.precision=bf16-mixed: this processor has no instructions for bfloat16, which is slower here than "
            "float32; take train.precision=32-true, or a GPU"
        )
    return {
        "devices": device.devices,
        "accelerator": "cpu" if device.accelerator == "auto" and not on_gpu else device.accelerator,
        "strategy": _strategy(device),
        "precision": device.precision,
    }


def device_of_run(device: DeviceConfig) -> torch.device:
    """Where a fit on one device is, and the evaluation of what it trained.

    A device that is not here comes to the CPU: :func:`trainer_options` refuses it.
    """
    if _on_gpu(device) and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if device.accelerator == "mps" and torch.backends.mps.is_available() else "cpu")


def _on_gpu(device: DeviceConfig) -> bool:
    return device.accelerator in ("gpu", "cuda") or (device.accelerator == "auto" and torch.cuda.is_available())


def _computes_bf16() -> bool:
    """Whether the processor multiplies bfloat16 (AVX-512 BF16 or AMX; Arm's is not asked for); True if unknown."""
    asked = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    if None in asked or platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    return any(supported() for supported in asked if supported)


def _strategy(device: DeviceConfig) -> str:
    """Forked processes share what is loaded; Lightning's plain ddp would run the whole command again in each."""
    if device.strategy in ("auto", "ddp"):
        return "ddp_fork" if device.devices > 1 else "auto"
    return device.strategy

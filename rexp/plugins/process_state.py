"""Process-wide state that plugins may change, restored after every job."""

from __future__ import annotations

import locale
import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rexp.io.text import warn

OF_LIBRARIES = ("CUDA_DEVICE_ORDER", "KMP_", "MASTER_", "PYTORCH_NVML_", "TORCHINDUCTOR_", "WANDB_SERVICE", "_RJEM_")
"""Environment variables that libraries set for themselves, when they are imported or start processes; they stay."""


@dataclass(frozen=True)
class Setting:
    """One thing that a process has once: its name, how it is read and how it is set."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


@contextmanager
def restored(who: str) -> Iterator[None]:
    """Put back afterwards what the process has once, and say in a line on standard error what was changed.

    Chance and filters of warnings are put back too, of which nothing is said: everybody draws, and many libraries
    filter warnings when they are imported.

    Args:
        who: may change it, for that line.
    """
    told, untold = settings(), chance()
    before = [(setting, setting.read()) for setting in (*told, *untold)]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        changed = []
        for setting, value in before[: len(told)]:
            now = setting.read()
            if now != value:
                changed.append(f"{setting.name} ({_change(value, now)})")
                setting.write(value)
        for setting, value in before[len(told) :]:
            setting.write(value)
        if changed:
            warn(f"{who} changed {', '.join(changed)} for the whole process; it is put back")


def flushes_denormals() -> bool:
    """Whether numbers too small for full precision are 0."""
    return bool(torch.tensor(torch.finfo(torch.float32).tiny, dtype=torch.float32, device="cpu").div(2) == 0)


def settings() -> tuple[Setting, ...]:
    """Settings that a plugin must not leave changed."""
    autocast = (partial(use, "cpu") for use in (torch.is_autocast_enabled, torch.set_autocast_enabled))
    flags = [(torch.backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")]
    flags.append((torch.backends.mkldnn, "enabled"))
    return (
        Setting("the working directory", _directory, _change_directory),
        Setting("environment variables", _environment, _set_environment),
        Setting("the locale", partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
        Setting("numpy.seterr", np.geterr, lambda errors: np.seterr(**errors)),
        Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Setting("torch's default device", torch.get_default_device, _set_device),
        Setting("torch's gradients", torch.is_grad_enabled, torch.set_grad_enabled),
        Setting("torch's anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        Setting("torch's autocast", *autocast),
        Setting("torch's deterministic mode", torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
        Setting("torch's matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        Setting("torch's threads", torch.get_num_threads, torch.set_num_threads),
        Setting("torch's flushing of denormal numbers", flushes_denormals, torch.set_flush_denormal),
        *(
            Setting(f"{module.__name__}.{flag}", partial(getattr, module, flag), partial(setattr, module, flag))
            for module, flag in flags
        ),
    )


def chance() -> tuple[Setting, ...]:
    """States of the global generators."""
    return (
        Setting("random", random.getstate, random.setstate),
        Setting("numpy.random", np.random.get_state, np.random.set_state),
        Setting("torch.random", torch.get_rng_state, torch.set_rng_state),
    )


def _change(before: Any, now: Any) -> str:
    if isinstance(before, Mapping):  # the names alone: values of the environment may be secret
        return ", ".join(sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key)))
    return f"{before} -> {now}"


def _directory() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return None


def _change_directory(path: Path | None) -> None:
    if path is not None:
        os.chdir(path)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_LIBRARIES)}


def _set_environment(values: Mapping[str, str]) -> None:
    for name in _environment().keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _set_device(device: Any) -> None:
    """The usual device needs no mode, under which every call of torch takes a detour."""
    torch.set_default_device(None if device.type == "cpu" else device)

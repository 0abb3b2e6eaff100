"""Manifest of a run: command, machine, time and package versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.io.resident import forget_peak, peak_bytes
from rexp.plugins.code_version import OWN

if TYPE_CHECKING:
    from rexp.io.json_types import Json, JsonView

DRIVER = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True)
class GitState:
    """The commit of a checkout, and whether tracked files differ from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True)
class Machine:
    """The hardware.

    Args:
        platform, cpu: the system's and the processor's names.
        cores: those that this process may use.
        threads: of torch; None if it is not loaded.
        memory_bytes: of the machine; None if the system does not say.
        gpus: their names.
    """

    platform: str
    cpu: str
    cores: int | None
    threads: int | None
    memory_bytes: int | None
    gpus: list[str]


def manifest(argv: Sequence[str], seeds: Mapping[str, int], data: JsonView) -> Json:
    """The manifest of a run that starts; its clocks run from here.

    Args:
        argv: the command line.
        seeds: every seed by its role.
        data: name, fingerprint and counts of the data, and ``files``: path, bytes and sha256 of each as it was read.
    """
    forget_peak()
    return {
        "started": _now(),
        "argv": list(argv),
        "directory": str(Path.cwd()),
        "seeds": dict(seeds),
        "data": dict(data),
        "python": platform.python_version(),
        "versions": versions(),
        "git": None if (git := git_state()) is None else asdict(git),
        "machine": asdict(machine()),
        "clock": {"wall": time.monotonic(), "cpu": _cpu_seconds()},
    }


def finish(manifest: JsonView) -> Json:
    """The manifest with what the run took: ``wall_seconds``, ``cpu_seconds`` (all threads, finished children) and
    ``peak_bytes``, the most memory that was resident at once (since the start on Linux, else since the process began).
    """
    kept = {key: value for key, value in manifest.items() if key != "clock"}
    clock = manifest["clock"]
    return {
        **kept,
        "finished": _now(),
        "wall_seconds": time.monotonic() - clock["wall"],
        "cpu_seconds": _cpu_seconds() - clock["cpu"],
        "peak_bytes": peak_bytes(),
    }


def versions() -> dict[str, str]:
    """Versions of rexp and of every distribution it requires."""
    return {name: installed_version(name) for name in (OWN, *_required())}


def installed_version(name: str) -> str:
    """The version of a distribution, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _required() -> list[str]:
    try:
        lines = requires(OWN) or []
    except PackageNotFoundError:
        return []
    return sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line})


def git_state() -> GitState | None:
    """Commit of the working directory and whether tracked files differ from it; None outside a git checkout."""
    command = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), "unknown")
    return GitState(commit, dirty=any(not line.startswith("#") for line in lines))


def machine() -> Machine:
    """The hardware: processor, cores this process may use, memory in bytes, GPUs; threads where torch is loaded."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch = sys.modules.get("torch")  # never imported for the manifest's sake
    return Machine(
        platform=platform.platform(),
        cpu=_processor(),
        cores=cores,
        threads=torch.get_num_threads() if torch is not None else None,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None,
        gpus=_gpus(),
    )


def _gpus() -> list[str]:
    """Names of the GPUs, as their driver lists them; else as torch does, where CUDA is running already.

    To ask torch starts CUDA, and a process that has done so can fork none that train on a GPU.
    """
    listed = [file.read_text(errors="replace") for file in sorted(DRIVER.glob("*/information"))]
    if listed:
        return [name.group(1) for text in listed if (name := re.search(r"^Model:\s*(.+?)\s*$", text, re.M))]
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system

"""Import check of plugins in a child process, with a time limit."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict

from rexp.errors import ConfigError
from rexp.plugins import registry

SECONDS = 120.0
"""For one import; torch and what a plugin brings along take some on a busy machine."""


def faults_of(plugins: Sequence[registry.Plugin], seconds: float = SECONDS) -> dict[registry.Plugin, str]:
    """Load each plugin; the broken ones with the reason, one line.

    Args:
        seconds: that one of them may take.
    """
    faults = {}
    process = answers = None
    for plugin in plugins:
        if process is None or answers is None:
            process, answers = _start()
        fault = _ask(process, answers, plugin, seconds)
        if fault is not None:
            faults[plugin] = fault
        if process.poll() is not None:
            process = None
    if process is not None and process.stdin is not None:
        process.stdin.close()
        process.wait()
    return faults


def _ask(
    process: subprocess.Popen[str], answers: queue.Queue[str], plugin: registry.Plugin, seconds: float
) -> str | None:
    assert process.stdin is not None
    try:
        print(json.dumps(asdict(plugin)), file=process.stdin, flush=True)
        line = answers.get(timeout=seconds)
    except queue.Empty:
        process.kill()
        process.wait()
        return f"{plugin.where} is not imported after {seconds:g} s; it loops, or waits for something"
    except OSError:
        line = ""
    if not line:
        return f"{plugin.where} ended the process that imported it, with code {process.wait()}"
    fault: str | None = json.loads(line)
    return fault


def _start() -> tuple[subprocess.Popen[str], queue.Queue[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "rexp.plugins.import_check"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    answers: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                answers.put(line)
        answers.put("")

    threading.Thread(target=listen, daemon=True).start()
    return process, answers


def main() -> None:
    """Answer each plugin on standard input with its fault, or null."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # whatever a plugin prints is no answer
        for line in sys.stdin:
            plugin = registry.Plugin(**json.loads(line))
            fault = None
            try:
                registry.find(plugin.kind, plugin.name)
                plugin.load()
            except ConfigError as error:
                fault = str(error)
            print(json.dumps(fault), file=answers, flush=True)


if __name__ == "__main__":
    main()

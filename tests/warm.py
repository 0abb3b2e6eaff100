"""``python -m rexp`` as a user starts it, forked from a process that has imported torch and Lightning.

Their imports take seconds of every command, and would be most of what a suite of small commands costs. Where the start
itself is tested, or threads, signals or memory, a process of its own is started instead.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from functools import cache
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
Done = subprocess.CompletedProcess[str]
_TURNS = cycle(range(2))
"""Forks of one process hash strings alike; commands that follow one another come from two, so nothing rests on it."""


def rexp(*arguments: object, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> Done:
    """Run ``python -m rexp ARGUMENTS`` in ``cwd`` and return its output and exit code.

    Args:
        env: the whole environment; None takes that of the tests.
        timeout: seconds after which it is killed.

    Raises:
        subprocess.TimeoutExpired: it was.
    """
    words = [str(argument) for argument in arguments]
    with TemporaryDirectory() as folder:
        written = [Path(folder) / name for name in ("out", "err")]
        job = {
            "words": words,
            "cwd": str(cwd),
            "env": dict(os.environ if env is None else env),
            "written": list(map(str, written)),
            "timeout": timeout,
        }
        code = _ask(job)
        out, err = (file.read_text(encoding="utf-8") for file in written)
    command = [sys.executable, "-m", "rexp", *words]
    if code is None:
        raise subprocess.TimeoutExpired(command, timeout, out, err)
    return Done(command, code, out, err)


def _ask(job: Mapping[str, Any]) -> int | None:
    server = _server(next(_TURNS))
    asked, answers = server.stdin, server.stdout
    assert asked
    assert answers
    asked.write(json.dumps(job) + "\n")
    asked.flush()
    code: int | None = json.loads(answers.readline())
    return code


@cache
def _server(_turn: int) -> subprocess.Popen[str]:
    """A process that forks, for the whole session; it is asked and answers a line at a time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.communicate)  # it ends with its questions
    return process


def _serve() -> None:
    """Answer one question a line, in this process; return in the forked one, with its command to be run."""
    import hydra  # noqa: F401
    import lightning.pytorch  # noqa: F401
    import torch._dynamo  # noqa: F401

    gc.freeze()  # or every command would copy all of it, by looking at it
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            return _become(job)
        print(json.dumps(_code_of(child, job["timeout"])), flush=True)
    os._exit(0)


def _become(job: Mapping[str, Any]) -> None:
    """Make this process what ``python -m rexp`` would find itself in."""
    for number, name in enumerate([os.devnull, *job["written"]]):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    paths = filter(None, job["env"].get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [job["cwd"], *paths]  # in the place of where this process was started
    sys.argv[1:] = job["words"]


def _code_of(child: int, timeout: float) -> int | None:
    """The exit code of the forked process, once it has one; None where it was killed for taking too long."""
    deadline = time.monotonic() + timeout
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return None
        time.sleep(0.01)


def _run() -> int:
    """Run the command in this process as the interpreter would; its exit code."""
    try:
        runpy.run_module("rexp", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    """What an interpreter does at its end, but for taking apart every module."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
    _end(_run())

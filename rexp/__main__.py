"""``python -m rexp`` and the console script: a verb (plugins, data, report, verify), else a Hydra run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from rexp.errors import RexpError

VERBS = {
    "data": "rexp.data.command",
    "plugins": "rexp.config.command",
    "report": "rexp.report.command",
    "verify": "rexp.store.command",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb or a Hydra job.

    Args:
        argv: arguments without the program's name, by default ``sys.argv[1:]``.

    Returns:
        The exit code: 0; 1 where a run failed; 2 for a configuration; 143 after SIGTERM.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in VERBS:
        verb: Callable[[list[str]], int] = import_module(VERBS[arguments[0]]).main
        return _guard(lambda: verb(arguments[1:]))
    from rexp.config.launch import launch

    return _guard(lambda: launch(arguments))


def _guard(action: Callable[[], int]) -> int:
    try:
        code = action()
        sys.stdout.flush()  # here, not when the interpreter ends, it shows that a pipe's reader has gone
        return code
    except RexpError as error:
        print(f"rexp: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("rexp: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    except BrokenPipeError:  # (head, less): there is nobody left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())

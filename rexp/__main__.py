"""``python -m rexp`` and the console script: a verb (``VERBS``), else a Hydra run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

from rexp.cli.verbs import completions
from rexp.errors import ConfigError, RexpError, did_you_mean
from rexp.io.messages import messages_shown
from rexp.io.text import fail, show_whatever_comes

VERBS = {
    "data": "rexp.cli.data",
    "export": "rexp.cli.export",
    "measure": "rexp.cli.measure",
    "new": "rexp.cli.new",
    "paper": "rexp.cli.paper",
    "plan": "rexp.cli.plan",
    "plugins": "rexp.cli.plugins",
    "recommend": "rexp.cli.recommend",
    "report": "rexp.cli.report",
    "sweep": "rexp.cli.sweep",
    "tune": "rexp.cli.tune",
    "verify": "rexp.cli.verify",
}


STARTING = ("train", "run", "fit", "evaluate", "start")
"""What others call the verb that rexp does without."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb or a Hydra job.

    Args:
        argv: arguments without the program's name, by default ``sys.argv[1:]``.

    Returns:
        The exit code: 0; 1 where a run failed; 2 for a configuration; 143 after SIGTERM.
    """
    show_whatever_comes()
    with messages_shown():
        return _main(list(sys.argv[1:] if argv is None else argv))


def _main(arguments: list[str]) -> int:
    if arguments and arguments[0] in VERBS:
        verb: Callable[[list[str]], int] = import_module(VERBS[arguments[0]]).main
        return _guard(lambda: verb(arguments[1:]))
    if arguments[:1] == ["--version"]:
        from rexp.plugins.code_version import OWN

        print(f"rexp {version(OWN)}")
        return 0
    if arguments[:1] == ["-sc"] and (line := os.environ.get("COMP_LINE")):
        typed = f"{line}|".split()[1:]  # the bar marks where the word goes on
        print(*completions([*typed[:-1], typed[-1].removesuffix("|")] if typed else [""], VERBS), sep="\n")
        if typed[:1] and typed[0].removesuffix("|") in VERBS and len(typed) > 1:
            return 0  # Hydra would offer groups
    return _guard(lambda: _launch(arguments))


def _launch(arguments: list[str]) -> int:
    if arguments and "=" not in arguments[0] and arguments[0][:1] not in ("-", "~"):
        way = "a run needs no verb: rexp model=mf" if arguments[0] in STARTING else ""
        raise ConfigError(
            f"'{arguments[0]}' is neither a verb nor KEY=VALUE; {way or did_you_mean(arguments[0], VERBS)}"
        )
    from rexp.cli.run import main as run

    return run(arguments)


def _guard(action: Callable[[], int]) -> int:
    from rexp.plugins.faults import plugin_faults_told

    try:
        with plugin_faults_told():
            return _flushed(action)
    except RexpError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on from the last checkpoint")
        return 130
    except BrokenPipeError:  # (head, less): there is nobody left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _flushed(action: Callable[[], int]) -> int:
    """Write out what is buffered while it can still be noticed that the reader of a pipe has gone."""
    try:
        code = action()
    except SystemExit:  # after --help
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())

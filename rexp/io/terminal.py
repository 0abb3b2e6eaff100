"""Rich console in which text is never markup and escape sequences are shown, not obeyed."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from rexp.errors import visible

UNBOUNDED = 10_000
"""A width in letters that no table reaches."""


class Screen(Console):
    """Standard output, or error; a file or a pipe has no width, so that there nothing is left out or folded.

    Args:
        stderr: standard error instead.
        width: in letters; None takes the terminal's or the environment's, wherever it goes.
        options: more for Rich's console.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        terminal = (sys.stderr if stderr else sys.stdout).isatty()
        options = {"width": None if terminal else UNBOUNDED} | options
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)


def styled(text: str, style: str = "") -> Text:
    """Text of others in a style."""
    return Text(visible(text), style=style)

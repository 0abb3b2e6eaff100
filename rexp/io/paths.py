"""Expansion of paths as users write them."""

from __future__ import annotations

from pathlib import Path


def at_home(path: str | Path) -> Path:
    """The path with a leading ``~`` or ``~user`` as the home it stands for; as it is where there is no such home.

    >>> at_home("~nobody-of-this-name/a.csv")
    PosixPath('~nobody-of-this-name/a.csv')
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)

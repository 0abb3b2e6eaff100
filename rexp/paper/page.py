"""Contents of a paper's page, independent of the output format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """One table.

    Args:
        titles: of its columns.
        numbers: those that are set to the right.
        lines: a text for each column.
        heading: above it, where there are several.
        below: paragraphs behind it.
        points: a list behind these.
        picture: the name of a file beside the page that is shown behind it.
    """

    titles: tuple[str, ...]
    numbers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    heading: str = ""
    below: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class Page:
    """A title, what the tables are, the tables, and notes (Markdown) of whoever wrote the paper's file."""

    name: str
    title: str
    about: str
    grids: tuple[Grid, ...]
    notes: str

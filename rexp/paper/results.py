"""Committed results of a paper (NAME.jsonl and its companions) as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.io.atomic import replace_atomically, write_text
from rexp.paper import render, study_page
from rexp.paper.formats import markdown
from rexp.paper.mean_ranks import draw, ranks
from rexp.paper.record import read_records
from rexp.paper.study import Study
from rexp.paper.tuning import Tunings
from rexp.paper.users import Users
from rexp.paper.verdicts import check

if TYPE_CHECKING:
    from rexp.paper.mean_ranks import Ranks
    from rexp.paper.page import Page
    from rexp.paper.paper import Paper


@dataclass(frozen=True)
class Shown:
    """A paper as far as it is run.

    Args:
        page: all of it.
        summary: a few words.
        missed: something in it is not as it should be.
        ranks: of a study, for its picture.
    """

    page: Page
    summary: str
    missed: bool
    ranks: Ranks | None = None


def shown(paper: Paper, file: Path, trials: int | None = None) -> Shown:
    """A paper from its records.

    Args:
        paper: published, or a study.
        file: of the records.
        trials: of each search, where they are not as many as the paper says.
    """
    records = read_records(file)
    if not paper.groups:
        found = check(paper, records)
        return Shown(render.page(paper, found), render.summary(found), found.missed)

    tunings = Tunings(paper, tuned_file(file), trials)
    study = Study(paper, records, Users(file), tunings)
    ranked = ranks(study.tables, paper.metrics[0])
    return Shown(study_page.page(study, tunings), study_page.summary(study), study.outdated(), ranked)


def write_page(paper: Paper, file: Path) -> Shown:
    """Write the page and its figure next to the records."""
    found = shown(paper, file)
    write_text(file.with_suffix(".md"), markdown(found.page))
    write_picture(paper, found, file.parent)
    return found


def write_picture(paper: Paper, found: Shown, folder: Path) -> None:
    """Write the figure of a study, if it has one, where a page in this folder names it."""
    if ranked := found.ranks:
        place = folder / picture(paper)
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(place, lambda temporary: draw(ranked, temporary))


def picture(paper: Paper) -> str:
    """The picture of a study, as its page names it."""
    return f"{paper.name}/ranks.svg"


def tuned_file(file: Path) -> Path:
    """Path of a paper's tuned values.

    >>> tuned_file(Path("results/papers/small.jsonl")).as_posix()
    'results/papers/small.tuned.json'
    """
    return file.with_suffix(".tuned.json")

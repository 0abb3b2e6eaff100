"""MovieTweetings, 100K snapshot: shipped with rexp under its MIT licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile

FOLDER = Path(__file__).parent / "embedded" / "movietweetings"
CHECKSUMS = {
    "ratings.dat.gz": "e15d45bfe948999b70a0e6feb261c7f79e3a67409a2dc2143cc348913f7fdf5d",
    "movies.dat.gz": "580abc83217d2849a43f5e64c9b9ad62586bc529d99201fa1781b9e1ffee1131",
}


@dataclass(frozen=True)
class MovieTweetingsConfig:
    """MovieTweetings has no options."""


class MovieTweetings:
    """Ratings 0-10 with times; items are IMDb numbers with their leading zeros."""

    Config: ClassVar[type] = MovieTweetingsConfig
    card: ClassVar[DataCard] = DataCard(
        title="MovieTweetings, snapshot 100K",
        licence="MIT; shipped with rexp",
        homepage="https://github.com/sidooms/MovieTweetings",
        citation="S. Dooms, T. De Pessemier, L. Martens. MovieTweetings: a Movie Rating Dataset Collected From "
        "Twitter. CrowdRec at RecSys 2013.",
        notes="Ratings 0-10 tweeted from 2013-02-28 to 2013-09-01, with titles, years and genres.",
    )

    def __init__(self, config: MovieTweetingsConfig, root: Path | None) -> None:
        pass

    def sources(self) -> Sequence[SourceFile]:
        return [SourceFile(FOLDER / name, checksum) for name, checksum in CHECKSUMS.items()]

    def read(self) -> RawData:
        from rexp.datasets._movies_dat import read_movies
        from rexp.datasets.rows import read_interactions

        ratings, movies = (source.path for source in self.sources())
        return RawData(interactions=read_interactions(ratings, "dat"), items=read_movies(movies, encoding="utf-8"))

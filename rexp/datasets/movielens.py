"""MovieLens 100K and 1M: read from the user's copy, since GroupLens allows no redistribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile, VectorSource
from rexp.datasets.files import Columns, Place, existing, plain_name

LICENCE = "GroupLens: research use, no redistribution without permission, no commercial use"
CITATION = (
    "F. M. Harper, J. A. Konstan. The MovieLens Datasets: History and Context. ACM Transactions on Interactive "
    "Intelligent Systems 5(4), 2015."
)
CLIP = "clip_embeddings_512.npz"
GENRES_100K = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]


@dataclass(frozen=True)
class MovieLensConfig:
    """MovieLens 1M has no options."""


@dataclass(frozen=True)
class MovieLens100KConfig:
    """Options of :class:`MovieLens100K`.

    Args:
        clip: read the vectors ``item.clip_image`` and ``item.clip_text`` from clip_embeddings_512.npz: arrays ``image``
            and ``text`` of 512 numbers for each movie, in the order of the ids.
    """

    clip: bool = False


class MovieLens100K:
    """100,000 ratings 1-5 with times."""

    Config: ClassVar[type] = MovieLens100KConfig
    card: ClassVar[DataCard] = DataCard(
        title="MovieLens 100K",
        licence=LICENCE,
        homepage="https://grouplens.org/datasets/movielens/100k/",
        citation=CITATION,
        notes="Ratings 1-5 from 1997-09-20 to 1998-04-22; titles, genres; age, gender, occupation, zip code. With "
        "data.clip=true CLIP vectors of posters and texts (clip_embeddings_512.npz; METIS, "
        "https://github.com/postech-di-lab/METIS; no licence stated).",
    )
    place: ClassVar[Place] = Place(
        "ml-100k",
        card.homepage,
        {
            "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
            "u.data.gz": "c3fe59d9f784f19e1715f710845ac12970203e783301a9404cd615780b838694",
            "u.item": "e706db993261e876c2a6b3bc617709311da781695be13af1fe2b3e1b6f723e64",
            "u.item.gz": "776facb508478810bddf1286b352014c033d032985ed1d43cfa2c2b17bb461df",
            "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
            "u.user.gz": "4e84ab98faee1c3c057a0861a855acc1ef682a62ad1f6026add1e26c2e6ee436",
            CLIP: "021e93962d2688e808e598e63a0f87085e8e691e059d117a444c5eb27c561435",
        },
    )

    def __init__(self, config: MovieLens100KConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        extra = (self.place.find_optional(self.root, name) for name in ("u.item", "u.user"))
        vectors = [self.place.find(self.root, CLIP)] if self.config.clip else []
        return [self.place.find(self.root, "u.data"), *existing(list(extra)), *vectors]

    def read(self) -> RawData:
        from rexp.datasets._movies_dat import read_flags, read_users
        from rexp.datasets.rows import read_interactions

        files = {plain_name(source.path): source.path for source in self.sources()}
        items = users = None
        if "u.item" in files:
            items = read_flags(files["u.item"], GENRES_100K, encoding="latin-1")
        if "u.user" in files:
            users = read_users(files["u.user"])
        vectors = {f"item.clip_{key}": VectorSource(files[CLIP], key) for key in ("image", "text") if CLIP in files}
        ratings = read_interactions(files["u.data"], "tsv", has_header=False)
        return RawData(ratings, items=items, users=users, vectors=vectors)


class MovieLens1M:
    """1,000,209 ratings 1-5, from ``ratings.dat`` with its times, or from a ``ratings.csv`` with ranks in time."""

    Config: ClassVar[type] = MovieLensConfig
    card: ClassVar[DataCard] = DataCard(
        title="MovieLens 1M",
        licence=LICENCE,
        homepage="https://grouplens.org/datasets/movielens/1m/",
        citation=CITATION,
        notes="Ratings 1-5; titles, genres; gender, age, occupation, zip code. Instead of ratings.dat, ratings.csv "
        "with the columns user_id, movie_id, rating, order (rank in time inside the user) is read too.",
    )
    place: ClassVar[Place] = Place(
        "ml-1m",
        card.homepage,
        {
            "ratings.csv": "43f6e6d2c82c04142db9b19ba7438b1320fd5496870f62dc2204b245cc0a079b",
            "ratings.csv.gz": "9966e3eea2d94ee0d2ffb2641283f71e934ff6870a98895d5e19d0d7255a2adf",
            "movies.dat": "0140fc2356357c1a851d0f52e893a1e4d3696df632c4141cea8d5bc3d621f0b9",
            "movies.dat.gz": "0c4c296ce1204c20abb1508530260817acb42b9e6146769a116fbd47a1fb0cc4",
            "users.dat": "1dc3a95300cb19f7c10e027daf29b8cdf1d908dab65b5edfb45950aa389a10a3",
            "users.dat.gz": "1bfdd04e6e7543fb1e26369bc4966040076d06814f07682a5b77497b1ffa2700",
        },
    )

    def __init__(self, config: MovieLensConfig, root: Path | None) -> None:
        self.root = root

    def sources(self) -> Sequence[SourceFile]:
        extra = (self.place.find_optional(self.root, name) for name in ("movies.dat", "users.dat"))
        return [self.place.find(self.root, "ratings.dat", "ratings.csv"), *existing(list(extra))]

    def read(self) -> RawData:
        from rexp.datasets._movies_dat import read_movies, read_users
        from rexp.datasets.rows import read_interactions

        files = {plain_name(source.path): source.path for source in self.sources()}
        if "ratings.dat" in files:
            ratings = read_interactions(files["ratings.dat"], "dat")
        else:
            ratings = read_interactions(files["ratings.csv"], "csv", Columns(time="order"))
        items = users = None
        if "movies.dat" in files:
            items = read_movies(files["movies.dat"], encoding="latin-1")
        if "users.dat" in files:
            users = read_users(files["users.dat"])
        return RawData(ratings, items=items, users=users)

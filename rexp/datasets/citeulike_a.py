"""CiteULike-a: articles in users' libraries, with tags and citations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place, existing, plain_name


@dataclass(frozen=True)
class CiteULikeAConfig:
    """CiteULike-a has no options."""


class CiteULikeA:
    """Without times and ratings. Of an article are known its tags (names) and the articles that it cites."""

    Config: ClassVar[type] = CiteULikeAConfig
    card: ClassVar[DataCard] = DataCard(
        title="CiteULike-a",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/js05212/citeulike-a",
        citation="C. Wang, D. M. Blei. Collaborative Topic Modeling for Recommending Scientific Articles. KDD 2011. "
        "Tags and citations: H. Wang, B. Chen, W.-J. Li. Collaborative Topic Regression with Social Regularization. "
        "IJCAI 2013.",
        notes="users.dat, one line a user: count, items; the items of a line are in no order, so random ones are left "
        "out. Where they are there: item-tag.dat and tags.dat (46,391 names), citations.dat. 204,986 pairs, one fewer "
        "than the papers print.",
    )
    place: ClassVar[Place] = Place(
        "citeulike-a",
        card.homepage,
        {
            "users.dat": "53211d82c14ff261e595634d285ed9fbf8049cf81dcb751d924d695b9612a02c",
            "users.dat.gz": "a5453f0b5318bcc2292c15c90fd398844edb1b08f0471a3d26515f2f95fd3e9b",
            "item-tag.dat": "0f7b432796a5038ed2631c02b99d70e636123673afc11bf9e051de5b49467890",
            "item-tag.dat.gz": "70064b3437274f3f75b5fcf28b68f3532e01f8d7359413a142cfdea7928839f1",
            "tags.dat": "c02b3e5ee1a57f88f3a598b2040018bb198f54cd0c11116fa7a0db905b6f60e3",
            "tags.dat.gz": "7452c839d627fd0fea13be1c6cd72980842dd137f62700c39a9531b2361df315",
            "citations.dat": "78458ba6b6f013552c43f47dbec1c2d19073820155c40567744cd8a038044364",
            "citations.dat.gz": "89ac4730449b8088da2336af3952d213e54e669d2647c8c6c90bbf6319e0504b",
        },
    )

    def __init__(self, config: CiteULikeAConfig, root: Path | None) -> None:
        self.root = root

    def sources(self) -> Sequence[SourceFile]:
        extra = (self.place.find_optional(self.root, name) for name in ("item-tag.dat", "tags.dat", "citations.dat"))
        return [self.place.find(self.root, "users.dat"), *existing(list(extra))]

    def read(self) -> RawData:
        from rexp.datasets._citeulike_lines import read_articles
        from rexp.datasets.lists import read_lists

        files = {plain_name(source.path): source.path for source in self.sources()}
        return RawData(read_lists(files["users.dat"], counted=True), items=read_articles(files))

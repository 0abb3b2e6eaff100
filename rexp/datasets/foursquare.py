"""Foursquare: check-ins, as the papers of ranking distillation read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place


@dataclass(frozen=True)
class FoursquareConfig:
    """This data set has no options."""


class Foursquare:
    """Places that users visited, without times and ratings; a user's places are in no known order."""

    Config: ClassVar[type] = FoursquareConfig
    card: ClassVar[DataCard] = DataCard(
        title="Foursquare check-ins",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/hieunm44/hyperkdma/tree/master/datasets/Foursquare",
        citation="As in S. Kang, J. Hwang, W. Kweon, H. Yu. DE-RRD: A Knowledge Distillation Framework for Recommender "
        "System. CIKM 2020.",
        notes="users.dat, one line a user: count, items. 24,941 users: those of DE-RRD's table (19,466) are a part "
        "that no count of interactions cuts out. Random places are held out.",
    )
    place: ClassVar[Place] = Place(
        "foursquare",
        card.homepage,
        {
            "users.dat": "808c42ee414bdef5990e4f61143e2e02f1d266c59b303f37b4050a99d2536c78",
            "users.dat.gz": "dcd7534df4352d5c351f0a1d145a9794e5893564546ba7a143afeadd67e5ae5e",
        },
    )

    def __init__(self, config: FoursquareConfig, root: Path | None) -> None:
        self.root = root

    def sources(self) -> Sequence[SourceFile]:
        return [self.place.find(self.root, "users.dat")]

    def read(self) -> RawData:
        from rexp.datasets.lists import read_lists

        (source,) = self.sources()
        return RawData(read_lists(source.path, counted=True))

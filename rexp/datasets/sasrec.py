"""The sequences of SASRec and BERT4Rec: MovieLens 1M and Amazon Video, every user's items in time order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class SASRecDataConfig:
    """Options of :class:`SASRecData`.

    Args:
        variant: ``ml-1m`` (items with at least 5 ratings) or ``Video`` (Amazon video games).
    """

    variant: Literal["ml-1m", "Video"] = "ml-1m"


class SASRecData:
    """One row an interaction, a user's rows together and in time order; neither times nor ratings."""

    Config: ClassVar[type] = SASRecDataConfig
    card: ClassVar[DataCard] = DataCard(
        title="MovieLens 1M and Amazon Video as SASRec reads them",
        licence="MovieLens: research use, not redistributed without permission; Amazon: none stated",
        homepage="https://github.com/kang205/SASRec/tree/master/data",
        citation="W.-C. Kang, J. McAuley. Self-Attentive Sequential Recommendation. ICDM 2018.",
        notes="The last item of a user is tested, the one before it validates. Files: ml-1m.txt, Video.txt.",
    )
    place: ClassVar[Place] = Place(
        "sasrec",
        card.homepage,
        {
            "ml-1m.txt.gz": "6a97b0f74c3de4630c72014a172c82f6490a020b3c97992f70a0adaebe756aaa",
            "Video.txt.gz": "d1d700c3a1d5cf3f5c3b0a108c61179c5f24114f15d665e49b8ed6a53e463712",
        },
    )

    def __init__(self, config: SASRecDataConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        return [self.place.find(self.root, f"{self.config.variant}.txt")]

    def read(self) -> RawData:
        from rexp.datasets.tables import read_table

        (source,) = self.sources()
        return RawData(read_table(source.path, " ", ["user", "item"]))

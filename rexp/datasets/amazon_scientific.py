"""Amazon Industrial and Scientific: sequences of purchases with the text of every product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place, plain_name

if TYPE_CHECKING:
    import polars as pl

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class AmazonScientificConfig:
    """Amazon Scientific has no options."""


class AmazonScientific:
    """Each user's items in the order of time; the last one is tested, the one before it validates."""

    Config: ClassVar[type] = AmazonScientificConfig
    card: ClassVar[DataCard] = DataCard(
        title="Amazon Industrial and Scientific, 5-core, as UniSRec and VQ-Rec read it",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/ysh-1998/CoWPiRec",
        citation="Y. Hou et al. Towards Universal Sequence Representation Learning for Recommender Systems. KDD 2022. "
        "Reviews: J. Ni, J. Li, J. McAuley. Justifying Recommendations using Distantly-Labeled Reviews. EMNLP 2019.",
        notes="Scientific.{train,valid,test}.inter, Scientific.text, Scientific.item2index. A product is its number; "
        "item.asin and item.text are texts. 242 users buy a product again, so rows are kept as they are.",
    )
    place: ClassVar[Place] = Place(
        "amazon-scientific",
        card.homepage,
        {
            "Scientific.train.inter": "7284f6489d956fa20c9b64ffc84569264320edba5c3bc2fcb22db2ea083a1163",
            "Scientific.train.inter.gz": "b3b4bf1e1fb62bc9dbee35ab72dc17d955a4280d6946af50d7fef1d3a1b01604",
            "Scientific.valid.inter": "5f37c84d3b54617cdc46638c89dfe8741c7efc4987acd5eb64de2cbd4311f46c",
            "Scientific.valid.inter.gz": "741bee50b7d39e195ae1e712a6e916aec71191af633120b40906fd62e834b79b",
            "Scientific.test.inter": "546da7e5f44002b4518d7fd58066684bc09613f76c240914e16976d57cfe7083",
            "Scientific.test.inter.gz": "6d09d82bcd8423d904d2ff53a7207e5b44f06379f4b956653c553e6ca3c5b0e6",
            "Scientific.text": "95887e6bda76e54f59b71b566320520d5da74e21d3b6ff8f20bfb6e8e84aa831",
            "Scientific.text.gz": "c3683f120ba5103fbb74ba7294b6deab0d471f405fb1810d8af11b639e768f62",
            "Scientific.item2index": "896ab1017508cf20834d3d0537da9f8f624324223a835af272a98ba16f8c087a",
            "Scientific.item2index.gz": "61cb602ef036c77a51365e0d1b2d81ff74048748c434801a4ef9c41173740bd3",
        },
    )

    def __init__(self, config: AmazonScientificConfig, root: Path | None) -> None:
        self.root = root

    def sources(self) -> Sequence[SourceFile]:
        names = (*(f"{part}.inter" for part in PARTS), "text", "item2index")
        return [self.place.find(self.root, f"Scientific.{name}") for name in names]

    def read(self) -> RawData:
        from rexp.datasets.tables import read_headed, read_table

        paths = {plain_name(source.path).removeprefix("scientific."): source.path for source in self.sources()}
        rows = {part: read_headed(paths[f"{part}.inter"])[0] for part in PARTS}
        given = {part: rows[part].select(user="user_id", item="item_id") for part in PARTS} | {
            "train": _sequences(rows["train"])
        }
        numbers = read_table(paths["item2index"], "\t", ["asin", "item"])
        texts = read_table(paths["text"], "\t", ["asin", "text"])  # its header is of no product
        return RawData(given=given, items=numbers.join(texts, on="asin", how="left", maintain_order="left"))


def _sequences(rows: pl.DataFrame) -> pl.DataFrame:
    """A user's training items, oldest first: the rows are the prefixes of that sequence, the longest first.

    A long prefix lacks its beginning; the shortest has one item.
    """
    import polars as pl

    oldest = rows.reverse()
    first = oldest.unique("user_id", keep="first", maintain_order=True)
    first = first.select(user="user_id", item=pl.col("item_id_list").str.extract(r"^\s*(\S+)"))
    return pl.concat([first, oldest.select(user="user_id", item="item_id")])

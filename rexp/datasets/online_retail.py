"""UCI Online Retail: a year of a British gift shop's invoices, shipped with rexp as first purchases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place

FOLDER = Path(__file__).parent / "embedded" / "online-retail"
CHECKSUMS = {
    "interactions.parquet": "6d17185b314662dfb6be66213e0645b3b7c1128d01f0959161b90c2e4e896725",
    "items.parquet": "b884d95e13593addfcf80ef11db316b8b4889c09cdfb21d6dd2ef94f9b328285",
    "users.parquet": "7379f4b1f40b75ae3bd4b1f281aafb85f2ce04e14d7e20a4cdb9c58280551bde",
    "cleaning.json": "a2b6d851229f2e1816931fe651c8b0e919539313d3235101c8c4ce9120533aa0",
}


@dataclass(frozen=True)
class OnlineRetailConfig:
    """Options of :class:`OnlineRetail`.

    Args:
        source: ``embedded`` reads the files shipped with rexp, ``original`` the published table under the data
            folder; both give the same split.
        rating: ``quantity`` reads the number of pieces of a first purchase as its rating; it runs into the tens of
            thousands, so losses and protocols that read ratings want a threshold.
    """

    source: Literal["embedded", "original"] = "embedded"
    rating: Literal["none", "quantity"] = "none"


class OnlineRetail:
    """First purchases by customer and product, to the minute; what was cleaned is in the report of the data."""

    Config: ClassVar[type] = OnlineRetailConfig
    card: ClassVar[DataCard] = DataCard(
        title="Online Retail (UCI)",
        licence="CC BY 4.0; shipped with rexp",
        homepage="https://archive.ics.uci.edu/dataset/352/online+retail",
        citation="D. Chen. Online Retail. UCI Machine Learning Repository, 2015, doi:10.24432/C5BW33. D. Chen, S. L. "
        "Sain, K. Guo. Data mining for the online retail industry. Journal of Database Marketing & Customer Strategy "
        "Management 19(3), 2012.",
        notes="First purchases from 2010-12-01 to 2011-12-09, to the minute; product names, median prices in pounds "
        "and the customers' countries. data.source=original cleans the published table, saved as online_retail.csv.",
    )
    place: ClassVar[Place] = Place(
        "online-retail",
        card.homepage,
        {
            "online_retail.csv": "12d7b65ec6aa0d4782e0ff13a7778cfd44418fa081b288e6288e5a45b6a8ffe5",
            "online_retail.csv.gz": "44183bcc5009db8ce45d44016a5c3b724e474b7b9bea7c23e22aa5ecdb06ec63",
        },
    )

    def __init__(self, config: OnlineRetailConfig, root: Path | None) -> None:
        self.config = config
        self.root = root

    def sources(self) -> Sequence[SourceFile]:
        if self.config.source == "original":
            return [self.place.find(self.root, "online_retail.csv")]
        return [SourceFile(FOLDER / name, checksum) for name, checksum in CHECKSUMS.items()]

    def read(self) -> RawData:
        from rexp.datasets._invoices import clean, read_lines, read_purchases

        original = self.config.source == "original"
        bought = clean(read_lines(self.sources()[0].path)) if original else read_purchases(FOLDER)
        first = bought.interactions
        first = first.rename({"quantity": "rating"}) if self.config.rating == "quantity" else first.drop("quantity")
        return RawData(first, items=bought.items, users=bought.users, steps=bought.steps)

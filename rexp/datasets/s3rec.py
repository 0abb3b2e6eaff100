"""The sequences of S3-Rec with the attributes of every item: Amazon reviews, Yelp, Last.fm."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place, read_bytes
from rexp.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import polars as pl

OF_ITEMS = "_item2attributes.json"
"""Ending of the file of a variant's attributes."""
TEXTS = "Yelp.item.json"


@dataclass(frozen=True)
class S3RecConfig:
    """Options of :class:`S3Rec`.

    Args:
        variant: which data; the given negatives of ``LastFM`` are read too where they are at hand.
        texts: of ``Yelp``: read titles and names of categories, ``item.title`` and ``item.categories``.
    """

    variant: Literal["Beauty", "Sports_and_Outdoors", "Toys_and_Games", "Yelp", "LastFM"] = "Beauty"
    texts: bool = False

    def __post_init__(self) -> None:
        if self.texts and self.variant != "Yelp":
            raise ValueError(f"texts=true is for variant=Yelp; {self.variant} has none")


class S3Rec:
    """Every user's items in the order of time, without times and ratings; ``item.attributes`` is a set of numbers.

    The last item of a user is tested, the one before it validates. Yelp repeats pairs, which the paper keeps.
    """

    Config: ClassVar[type] = S3RecConfig
    card: ClassVar[DataCard] = DataCard(
        title="Amazon Beauty, Sports, Toys, Yelp and Last.fm as S3-Rec reads them",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/aHuiWang/CIKM2020-S3Rec/tree/master/data",
        citation="K. Zhou et al. S3-Rec: Self-Supervised Learning for Sequential Recommendation with Mutual "
        "Information Maximization. CIKM 2020.",
        notes="<variant>.txt (user item item ...) and <variant>_item2attributes.json; LastFM_sample.txt has 99 given "
        "negatives of every test user. Yelp.item.json has its titles and categories; it is from "
        "https://github.com/HonghuiBao2000/LETTER/tree/master/data/Yelp.",
    )
    place: ClassVar[Place] = Place(
        "s3rec",
        card.homepage,
        {
            "Beauty.txt": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
            "Beauty.txt.gz": "d90327e98288647f5bae59c0dba82e153af2d940eafb7540f4b05185e108d0fe",
            f"Beauty{OF_ITEMS}": "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
            f"Beauty{OF_ITEMS}.gz": "1914fdc21c3e1b0c36d23c3fc5e2cf64205bcc47f311ccbe7b51089221188fad",
            "Sports_and_Outdoors.txt": "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
            "Sports_and_Outdoors.txt.gz": "e7c618d95a4d2975ac546950a87a5906efc9956df722be01a2af724638faf527",
            f"Sports_and_Outdoors{OF_ITEMS}": "7fb10733ac4f1811384a52144cdefa7fcc7536fa80a7232c5da9bd789155c34b",
            f"Sports_and_Outdoors{OF_ITEMS}.gz": "6059d464f0ec26302d5d763271b158b36e127a15b9c8cb1282c3991bd3be3de5",
            "Toys_and_Games.txt": "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
            "Toys_and_Games.txt.gz": "0bd73bdefb52da7dbfb3913e050fc15455ddaa0b98a7cf7049ee21585a5d0936",
            f"Toys_and_Games{OF_ITEMS}": "d371acd25101eedac04afc727626464b7acec770c4eda708705d51eb76eb1ad0",
            f"Toys_and_Games{OF_ITEMS}.gz": "e54973e9c274759cae517f3e34bf0fcad378b6bb9fa17b342250d2828734eb70",
            "Yelp.txt": "724b219106b81dd2349027da997334ddb6da9fe2f152ad6e0d97a93170f7caed",
            "Yelp.txt.gz": "a81963e5a94fd772d64b1d240154674fc64ebbc4c46cfd2d85cd80b90d44cf10",
            f"Yelp{OF_ITEMS}": "f25acd5e1e680e0b22fd4e3f4fb6be4b2a7461e9222610616e3e1ee6702dd58d",
            f"Yelp{OF_ITEMS}.gz": "98138e2468582fa354ff2645a30f3492f26ca32630732038a99adde01b88aedf",
            TEXTS: "8f58a9d54111fc10ccd675f99e6f2afe988cd0ee70b40f1e37d04f9aea764c2d",
            f"{TEXTS}.gz": "b8f49cf8f05312740d98ab2d1ba8c558986bb5736ba0a90838231407b65fe755",
            "LastFM.txt": "9ded486adb5b0fe9dc761950afa0a9a05e93ff018992e0c52bf11afec529f802",
            "LastFM.txt.gz": "feee892bd0c0def1c7ad403a7b44c78ac1268c0f2f0787e01efabb42854c339e",
            f"LastFM{OF_ITEMS}": "a4ccd678dc9ff6d43fe5073f491db5c9b02eb98dfa4f8c0382913a784be217ef",
            f"LastFM{OF_ITEMS}.gz": "b81e39e7f2139278d940aafcffe98c1c431f66cd531b2d07e76db2da61a080c7",
            "LastFM_sample.txt": "60194cc2e4fd1aa8b5dc8872e1f3af9c6abd09c39d478d3df9337cb97e6e2f0d",
            "LastFM_sample.txt.gz": "c8291611c79fcccb80aea87e3d776945dd7c78d0549ce33e7ed024146c3a94e6",
        },
    )

    def __init__(self, config: S3RecConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        name = self.config.variant
        found = [self.place.find(self.root, f"{name}.txt"), self.place.find(self.root, f"{name}{OF_ITEMS}")]
        negatives = self.place.find_optional(self.root, f"{name}_sample.txt")
        texts = self.place.find(self.root, TEXTS) if self.config.texts else None
        return [*found, *(file for file in (negatives, texts) if file is not None)]

    def read(self) -> RawData:
        from rexp.datasets.lists import read_candidates, read_lists

        sequences, attributes, *others = (source.path for source in self.sources())
        items = _attributes(attributes)
        if self.config.texts:
            items = items.join(_texts(others.pop()), on="item", how="left", maintain_order="left")
        return RawData(read_lists(sequences), candidates=read_candidates(others[0]) if others else None, items=items)


def _attributes(path: Path) -> pl.DataFrame:
    """The attributes of every item: from an item's number as text to a list of numbers."""
    return _items(path, "lists of attributes", {"attributes": list[int]}, lambda item, numbers: (item, numbers))


def _texts(path: Path) -> pl.DataFrame:
    """Titles and categories of Yelp: from an item's number less one, as text, to both as texts."""

    def row(place: str, found: Mapping[str, str]) -> tuple[str, str, list[str]]:
        return str(int(place) + 1), found["title"], found["description"].split(", ")

    return _items(path, "titles and descriptions", {"title": str, "categories": list[str]}, row)


def _items(
    path: Path, what: str, columns: Mapping[str, type], row: Callable[[str, Any], tuple[object, ...]]
) -> pl.DataFrame:
    """A row an item, of a file of one JSON object.

    Raises:
        DataError: it is another thing.
    """
    import polars as pl

    try:
        rows = [row(key, value) for key, value in json.loads(read_bytes(path)).items()]
        return pl.DataFrame(rows, schema={"item": str, **columns}, orient="row")
    except (ValueError, TypeError, KeyError, AttributeError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is no object from items to {what} ({reason}); fetch it again") from error

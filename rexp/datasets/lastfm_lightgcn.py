"""Last.fm with the split of LightGCN's own code: small, for quick runs of graph models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place


@dataclass(frozen=True)
class LastFMLightGCNConfig:
    """Options of :class:`LastFMLightGCN`.

    Args:
        friends: read whom each user is connected to, as the set ``user.friends``.
    """

    friends: bool = False


class LastFMLightGCN:
    """Artists that users listened to, in given training and test parts; how often is not read, as LightGCN does."""

    Config: ClassVar[type] = LastFMLightGCNConfig
    card: ClassVar[DataCard] = DataCard(
        title="Last.fm, split of LightGCN",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/gusye1234/LightGCN-PyTorch/tree/master/data/lastfm",
        citation="I. Cantador, P. Brusilovsky, T. Kuflik. Second Workshop on Information Heterogeneity and Fusion in "
        "Recommender Systems (HetRec). RecSys 2011. Split: X. He et al. LightGCN. SIGIR 2020.",
        notes="data1.txt (train) and test1.txt: user, item, count. 2 users are in the test part alone, 22 in the "
        "training part alone. trustnetwork.txt: user, friend; every pair in both orders.",
    )
    place: ClassVar[Place] = Place(
        "lastfm-lightgcn",
        card.homepage,
        {
            "data1.txt": "c82af3228cbbda2f55a39244de09ed93292894f1d0d9f1908ebb57e27598fded",
            "data1.txt.gz": "ceed6e9fcd0af5bc6a91606e493f219106e96c69ae66a06e98930a7ed6f9b34e",
            "test1.txt": "de4417c0e6123284ce59a0934bcf5288ec1ec8774a18a1eef453c9952dfa48f9",
            "test1.txt.gz": "61b77134af300ea6caca6f11906dac86e9fa339dca6d7f81babee3c637fc5293",
            "trustnetwork.txt": "5b5bd7cbe4d22f3cd333dbfc7ec4b995cb2bdb28d95b0e9c5fc5607079f7b69e",
            "trustnetwork.txt.gz": "81cc9e0e09d8c5191858c1365f6ffabedf693d27012974638498936c9ddab2cb",
        },
    )

    def __init__(self, config: LastFMLightGCNConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        names = ["data1.txt", "test1.txt", *(["trustnetwork.txt"] if self.config.friends else [])]
        return [self.place.find(self.root, name) for name in names]

    def read(self) -> RawData:
        from rexp.datasets.tables import read_table

        paths = [source.path for source in self.sources()]
        train, test = (read_table(path, "\t", ["user", "item"]) for path in paths[:2])
        users = None
        if self.config.friends:
            pairs = read_table(paths[2], "\t", ["user", "friends"])
            users = pairs.group_by("user", maintain_order=True).agg("friends")
        return RawData(given={"train": train, "test": test}, users=users)

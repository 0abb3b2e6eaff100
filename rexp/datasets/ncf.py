"""MovieLens 1M as the NCF paper split it: given train and test, and 99 given negatives of every test item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place
from rexp.datasets.movielens import LICENCE


@dataclass(frozen=True)
class NCFConfig:
    """This data set has no options."""


class NCFMovieLens1M:
    """He et al., Neural Collaborative Filtering, WWW 2017: the split and negatives of tables 2-4, figures 4-7."""

    Config: ClassVar[type] = NCFConfig
    card: ClassVar[DataCard] = DataCard(
        title="MovieLens 1M, split and negatives of NCF",
        licence=LICENCE,
        homepage="https://github.com/hexiangnan/neural_collaborative_filtering/tree/master/Data",
        citation="X. He, L. Liao, H. Zhang, L. Nie, X. Hu, T.-S. Chua. Neural Collaborative Filtering. WWW 2017.",
        notes="The last rating of every user is tested against 99 given negatives; for 156 users the test item itself "
        "stands among them. Two test items have no training row.",
    )
    place: ClassVar[Place] = Place(
        "ncf-ml-1m",
        card.homepage,
        {
            "ml-1m.train.rating3.gz": "7486e3d904a011205e32d8eb737424db875651833fb7f81c5ee3c8e3116cdc95",
            "ml-1m.test.rating.gz": "8e11ce0957e30adfa934de19395a9c8fde14c60b851222688bf2eb537995afc0",
            "ml-1m.test.negative.gz": "593efd18c323aac9ee3215a13bbbc310b7440f7e200caf38232aaab95b18fc59",
        },
    )

    def __init__(self, config: NCFConfig, root: Path | None) -> None:
        self.root = root

    def sources(self) -> Sequence[SourceFile]:
        return [
            # The second name is the same file without its fourth column, the time.
            self.place.find(self.root, "ml-1m.train.rating", "ml-1m.train.rating3"),
            self.place.find(self.root, "ml-1m.test.rating"),
            self.place.find(self.root, "ml-1m.test.negative"),
        ]

    def read(self) -> RawData:
        from rexp.datasets.lists import read_candidates
        from rexp.datasets.rows import read_interactions

        train, test, negatives = (source.path for source in self.sources())
        parts = {
            name: read_interactions(path, "tsv", has_header=False) for name, path in (("train", train), ("test", test))
        }
        return RawData(given=parts, candidates=read_candidates(negatives))

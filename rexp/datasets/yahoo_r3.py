"""Yahoo! R3: ratings of songs that users chose, and of songs that were drawn for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place

if TYPE_CHECKING:
    import polars as pl

N_PAIRS = 15_400 * 1_000


@dataclass(frozen=True)
class YahooR3Config:
    """Options of :class:`YahooR3`.

    Args:
        test: ``uniform``: what users chose is for training, and the parts of songs drawn for them that KDCRec validates
            and tests on are for that. ``biased``: what users chose alone, with propensities, to be split.
    """

    test: Literal["uniform", "biased"] = "uniform"


class YahooR3:
    """311,704 ratings that 15,400 users chose to give to 1,000 songs; 5,400 of them rated ten songs drawn uniformly.

    With ``test=biased`` a row's propensity is that of its rating, by naive Bayes as in Schnabel et al., ICML 2016,
    section 5: ``P(O | r) = P(r | O) P(O) / P(r)``, P(r) from the 2,700 uniform ratings that KDCRec trains on.
    """

    Config: ClassVar[type] = YahooR3Config
    card: ClassVar[DataCard] = DataCard(
        title="Yahoo! R3, parts of KDCRec",
        licence="Yahoo! Webscope: research use on request, not redistributed",
        homepage="https://github.com/dgliu/SIGIR20_KDCRec",
        citation="B. Marlin, R. Zemel. Collaborative prediction and ranking with non-random missing data. RecSys 2009. "
        "Parts: D. Liu, P. Cheng, Z. Dong, X. He, W. Pan, Z. Ming. A General Knowledge Distillation Framework for "
        "Counterfactual Recommendation via Uniform Data. SIGIR 2020.",
        notes="Ratings from 1 to 5. S_t, S_va and S_te are KDCRec's matrices as text: user, item and label (1 for "
        "a rating of 4 or 5, else -1) a line, divided by tabs. The 2,700 uniform rows of S_t are in no part.",
    )
    place: ClassVar[Place] = Place(
        "yahoo-r3",
        card.homepage,
        {
            "user.txt": "a1fb32e1b74af1227151432db883e425fea8e6c9eb5d31be7aa082af48243275",
            "user.txt.gz": "8b00ce795d78c06ac8c2b28a90f65cea160de5dd0c5612e96bc0652a02c50b74",
            "random.txt": "ef7962a443c31a6edec90e8ae602597acb8a81c680ff33d1c45c5bb64324d0d5",
            "random.txt.gz": "7fbb1a612bc0d8bd7a548db98029083625b6119f5b02a13a725783df0abfb9c7",
            "S_t.tsv": "7a544dd3ab5288b2e6a1c43192d9f9b60737ce7e833c133ee01d0ef7cb5c19d8",
            "S_t.tsv.gz": "ca8b8a7c45d39fc1b6d719243afbcb5c3d122dbfe0fa1ab34d249fac1e7179bd",
            "S_va.tsv": "18a56e8fdb7d2d40c396e0fcecde726b7ec7907f4ba3eddcd3473bd5e9493a4f",
            "S_va.tsv.gz": "97c860de43a02f9f8b695a2ba3f157919b1bf7b44cae69620f8897a1d94f23c9",
            "S_te.tsv": "3ddb35d7b07e76b38a4a4f83d1318ea7f02307239a166efac845813f5fe45769",
            "S_te.tsv.gz": "5f14252465718cfaf4d205451a6af5fd253a1808a5386df427a5bdecbbd45074",
        },
    )

    def __init__(self, config: YahooR3Config, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        parts = ("S_va.tsv", "S_te.tsv") if self.config.test == "uniform" else ("S_t.tsv",)
        return [self.place.find(self.root, name) for name in ("user.txt", "random.txt", *parts)]

    def read(self) -> RawData:
        from rexp.datasets.rows import read_interactions

        biased, drawn, *parts = (source.path for source in self.sources())
        chosen, uniform = (read_interactions(path, "csv", has_header=False) for path in (biased, drawn))
        kept = [
            uniform.join(
                read_interactions(path, "tsv", has_header=False), on=["user", "item"], how="semi", maintain_order="left"
            )
            for path in parts
        ]
        if self.config.test == "uniform":
            return RawData(given={"train": chosen, "valid": kept[0], "test": kept[1]})
        return RawData(interactions=with_propensities(chosen, kept[0], N_PAIRS), propensity="propensity")


def with_propensities(observed: pl.DataFrame, uniform: pl.DataFrame, n_pairs: int) -> pl.DataFrame:
    """The observed rows with the chance that a pair of their rating is observed.

    Args:
        observed: rows with ``rating``, of ``n_pairs`` user-item pairs.
        uniform: rows of pairs that were drawn, whatever their rating.
        n_pairs: users times items.
    """
    import polars as pl

    chances = (
        observed.group_by("rating")
        .agg(seen=pl.len())
        .join(uniform.group_by("rating").agg(drawn=pl.len()), on="rating")
        .select("rating", propensity=pl.col("seen") / n_pairs / (pl.col("drawn") / len(uniform)))
    )
    return observed.join(chances, on="rating", how="left", maintain_order="left")

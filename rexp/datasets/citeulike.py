"""CiteULike-t: articles in users' libraries, raw and in the leave-one-out splits of two distillation papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place


@dataclass(frozen=True)
class CiteULikeConfig:
    """Options of :class:`CiteULikeT`.

    Args:
        variant: ``raw`` is users.dat, to be split; ``loo-de-rrd`` and ``loo-td`` are given splits of the users with at
            least 5 items: of DE-RRD (CIKM 2020) and of Topology Distillation (KDD 2021).
    """

    variant: Literal["raw", "loo-de-rrd", "loo-td"] = "loo-de-rrd"


class CiteULikeT:
    """Without times and ratings. The given splits have ids of their own, not those of users.dat."""

    Config: ClassVar[type] = CiteULikeConfig
    card: ClassVar[DataCard] = DataCard(
        title="CiteULike-t",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/js05212/citeulike-t",
        citation="H. Wang, B. Chen, W.-J. Li. Collaborative Topic Regression with Social Regularization. IJCAI 2013. "
        "Splits: S. Kang et al., DE-RRD, CIKM 2020; Topology Distillation, KDD 2021.",
        notes="For variant=raw: users.dat, one line a user: count, items. The items of a line are in no order, so "
        "leave random ones out (data.split.order=random). The given splits are text copies of the papers' LOO pickles: "
        "<variant>.train.txt (user item item ...), <variant>.valid.tsv and <variant>.test.tsv (user item).",
    )
    place: ClassVar[Place] = Place(
        "citeulike-t",
        card.homepage,
        {
            "users.dat": "02d5d429b2c0362e0ed79f6ef204666b4092563d21493abf4dfb521e8a7078bf",
            "users.dat.gz": "1eae66e3336d6f8e1fed9e169cf062e846664483cff60962a6171065e43b2da9",
            "loo-de-rrd.train.txt.gz": "dd674b3c7957373aa7de667e731d8e4cd5486134d09dece029a6791968a58548",
            "loo-de-rrd.valid.tsv.gz": "cf0d7e7992c40c996534bab22b0262d2c8901e3985e6bdebaf87ae9656b5c419",
            "loo-de-rrd.test.tsv.gz": "74708925973501c7c4b7e1723754b860e3fd349ea98e3d0874c883cb1d55c8ac",
            "loo-td.train.txt.gz": "fafebd1832d25f396e7a14dff1d87029048ffd7819abb8277e7a5ead95f5912a",
            "loo-td.valid.tsv.gz": "de98263642d92769a115acf0fb550649f7d0a4fade223edc04b50e9efde4540c",
            "loo-td.test.tsv.gz": "dc5fe18011f621cd4645ebd23a98d486caa5d94b424a795641fb6a8378a19cba",
        },
    )

    def __init__(self, config: CiteULikeConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        variant = self.config.variant
        if variant == "raw":
            return [self.place.find(self.root, "users.dat")]
        return [self.place.find(self.root, f"{variant}.{part}") for part in ("train.txt", "valid.tsv", "test.tsv")]

    def read(self) -> RawData:
        from rexp.datasets.lists import read_lists
        from rexp.datasets.rows import read_interactions

        paths = [source.path for source in self.sources()]
        if self.config.variant == "raw":
            return RawData(interactions=read_lists(paths[0], counted=True))
        valid, test = (read_interactions(path, "tsv", has_header=False) for path in paths[1:])
        return RawData(given={"train": read_lists(paths[0]), "valid": valid, "test": test})

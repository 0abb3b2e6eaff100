"""Gowalla as NGCF and LightGCN split it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place


@dataclass(frozen=True)
class GowallaConfig:
    """Options of :class:`Gowalla`.

    Args:
        valid: take the validation rows of LightGCN++ out of the training part; LightGCN trains on them.
    """

    valid: bool = False


class Gowalla:
    """Check-ins without times; the given 10-core split by user, 80 % train."""

    Config: ClassVar[type] = GowallaConfig
    card: ClassVar[DataCard] = DataCard(
        title="Gowalla, split of NGCF and LightGCN",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/gusye1234/LightGCN-PyTorch/tree/master/data/gowalla",
        citation="X. He, K. Deng, X. Wang, Y. Li, Y. Zhang, M. Wang. LightGCN: Simplifying and Powering Graph "
        "Convolution Network for Recommendation. SIGIR 2020. After E. Cho, S. A. Myers, J. Leskovec, KDD 2011.",
        notes="No times and no ratings. valid.txt is of https://github.com/geon0325/LightGCNpp.",
    )
    place: ClassVar[Place] = Place(
        "gowalla",
        card.homepage,
        {
            "train.txt.gz": "71a2faabd7e5eed1c9df325798a213695c293739970a47bed0a983355f6687e3",
            "valid.txt.gz": "d53b383a58715e301196b492d6a0693dfa5789799a28184817337d439273dbf5",
            "valid.txt": "8ad031484d58944acbc44c4ab8978a93b2ebb01fd0ad3979c520fe52daf27ec4",
            "test.txt.gz": "9db4414306dbc518d3b81b0239515497908ecd6de09df99c6a92ba171e75b902",
            "test.txt": "099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3",
        },
    )

    def __init__(self, config: GowallaConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        names = ["train", "test", *(["valid"] if self.config.valid else [])]
        return [self.place.find(self.root, f"{name}.txt") for name in names]

    def read(self) -> RawData:
        from rexp.datasets.lists import read_lists

        train, test, *rest = (read_lists(source.path) for source in self.sources())
        if not rest:
            return RawData(given={"train": train, "test": test})
        valid = rest[0]
        train = train.join(valid, on=["user", "item"], how="anti", maintain_order="left")
        return RawData(given={"train": train, "valid": valid, "test": test})

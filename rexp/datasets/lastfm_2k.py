"""Last.fm 2K, the multimodal edition: artists that users listened to, with vectors of their tags and their music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rexp.api import DataCard, RawData, SourceFile, VectorSource
from rexp.datasets.files import Place, plain_name

Name = Literal["minilm", "vggish", "whisper"]
FILES: dict[Name, str] = {"minilm": "all-MiniLM-L6-v2.npy", "vggish": "vggish.npy", "whisper": "whisper.npy"}
PARTS = ("train", "valid", "test")
"""By the number that stands for them."""


@dataclass(frozen=True)
class LastFMConfig:
    """Options of :class:`LastFM2K`.

    Args:
        vectors: which are read: ``minilm`` (sentence vectors of the tags, 384), ``vggish`` (audio, 128), ``whisper``
            (audio, 512); each is ``item.NAME``.
    """

    vectors: tuple[Name, ...] = ("minilm", "vggish", "whisper")


class LastFM2K:
    """Without times; every row is a positive. The artists are numbered anew, so the original ids are not known."""

    Config: ClassVar[type] = LastFMConfig
    card: ClassVar[DataCard] = DataCard(
        title="Last.fm 2K, multimodal",
        licence="none stated; research use, not redistributed",
        homepage="https://github.com/swapUniba/multimodal_ml1m_dbbook_lfm2k",
        citation="I. Cantador, P. Brusilovsky, T. Kuflik. Second Workshop on Information Heterogeneity and Fusion in "
        "Recommender Systems (HetRec). RecSys 2011.",
        notes="lfm2k.inter with a column x_label: 0 train, 1 valid, 2 test; row r of each .npy is artist r.",
    )
    place: ClassVar[Place] = Place(
        "lastfm-2k-multimodal",
        card.homepage,
        {
            "lfm2k.inter": "a555d4b0bfabe0a11d1758c667eb9a29e574a60bd563848a73f5a6fccda1b0f9",
            "lfm2k.inter.gz": "e60fe627c3dde8cc98a1a8b3f906d3363f4f075e04e24098e867084d5a58eb33",
            "all-MiniLM-L6-v2.npy": "e1602a92e4d42b50943c66b9b8a18e06502ccc094e292a98e1f6845074ced311",
            "vggish.npy": "17f7c35861542184072615853eb08cf4e8dedc8c8a41020caf15a11a2293236d",
            "whisper.npy": "29e47d4a017ca9da46cfe978d221946ebbe93dd2a195ee31cc814de4716cca86",
        },
    )

    def __init__(self, config: LastFMConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        return [
            self.place.find(self.root, name) for name in ("lfm2k.inter", *map(FILES.__getitem__, self.config.vectors))
        ]

    def read(self) -> RawData:
        import polars as pl

        from rexp.datasets.tables import read_headed

        paths = {plain_name(source.path): source.path for source in self.sources()}
        frame, _ = read_headed(paths["lfm2k.inter"])
        rows = frame.select("x_label", user="userID", item="itemID")
        given = {part: rows.filter(pl.col("x_label") == str(label)).drop("x_label") for label, part in enumerate(PARTS)}
        vectors = {f"item.{name}": VectorSource(paths[FILES[name].lower()]) for name in self.config.vectors}
        return RawData(given=given, vectors=vectors)

"""Frappe: which apps people use, and in what context; the labeled rows of the NFM paper, rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place, plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class FrappeConfig:
    """Options of :class:`Frappe`.

    Args:
        seed: of the negatives of the training part, where they are drawn.
        metadata: read the apps' names, categories, downloads, languages, prices and ratings (meta.csv) too.
    """

    seed: int = 0
    metadata: bool = False

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed={self.seed} must be 0 or more")


class Frappe:
    """Uses of apps (label 1) and drawn ones (label -1), with eight contexts.

    The validation and test rows are the published ones. So is ``frappe.train.libfm`` where it is there. Else the
    training rows are rebuilt: the uses that are neither validated nor tested, and for each (user, context) as many
    negatives as the two for each use leave when those of validation and test are taken away, which gives the published
    number of rows. Which app a negative has is drawn anew, uniformly from those that the user never used.
    """

    Config: ClassVar[type] = FrappeConfig
    labeled: ClassVar[bool] = True
    card: ClassVar[DataCard] = DataCard(
        title="Frappe, app usage in context",
        licence="research use, not redistributed without permission",
        homepage="https://github.com/hexiangnan/neural_factorization_machine/tree/master/data/frappe",
        citation="L. Baltrunas, K. Church, A. Karatzoglou, N. Oliver. Frappe: Understanding the Usage and Perception "
        "of Mobile App Recommendations In-The-Wild. arXiv:1505.03014, 2015. Split: X. He, T.-S. Chua. Neural "
        "Factorization Machines for Sparse Predictive Analytics. SIGIR 2017.",
        notes="Files: frappe.csv, frappe.validation.libfm, frappe.test.libfm; frappe.train.libfm where it is at hand, "
        "else the apps of the training negatives are drawn anew (data.seed). Labels are 1 and -1; every row counts "
        "(data.filter.duplicates=keep), and users and apps come back in several contexts.",
    )
    place: ClassVar[Place] = Place(
        "frappe",
        card.homepage,
        {
            "frappe.csv": "409edc12f4e2153c5dd58ae171938735911d9b0f70961d5f1086b241656b2cb5",
            "frappe.csv.gz": "09c03be3fbf61f5f6228531e43f17a4db2a6eb18f91c25bebde5199f79ad844b",
            "frappe.validation.libfm": "fdf4be563a7dd9b15f7a6e8b32671e90e6e7a2a2bd3af4e10bf13c5ad7e76e9e",
            "frappe.validation.libfm.gz": "cfded0f07b81fc790e0f2b25f2a4eaa6f52e84da640704dc6671adb5f73fe1c2",
            "frappe.test.libfm": "a2ebaef3a9af8e55f8bb0d08bc4923965e42e43760ebd7635ac2f8c5db99e097",
            "frappe.test.libfm.gz": "0c18dfb38c4c34a073fed2dcf85dc157f569001fe70f8aaeb4ff3a1f29dab4cf",
            "meta.csv": "de87f6b2e7cd0428f9179167e2e7826b5dd3bf490d5af680261b685763ac214f",
            "meta.csv.gz": "7da2b65197c15559488b71981a359304e337db89d6df0ddb78914ef3e6b3db12",
        },
    )

    def __init__(self, config: FrappeConfig, root: Path | None) -> None:
        self.config, self.root = config, root

    def sources(self) -> Sequence[SourceFile]:
        wanted = ["frappe.csv", "frappe.validation.libfm", "frappe.test.libfm"]
        found = [
            self.place.find(self.root, name) for name in [*wanted, *(["meta.csv"] if self.config.metadata else [])]
        ]
        train = self.place.find_optional(self.root, "frappe.train.libfm")
        return [*found, *([] if train is None else [train])]

    def read(self) -> RawData:
        from rexp.datasets._frappe_rows import CONTEXT, read_apps, read_rows

        paths = {plain_name(source.path): source.path for source in self.sources()}
        items = read_apps(paths["meta.csv"]) if self.config.metadata else None
        return RawData(given=read_rows(paths, self.config.seed), items=items, context=CONTEXT)

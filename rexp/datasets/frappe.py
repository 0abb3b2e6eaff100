"""Frappe: which apps people use, and in what context; the labeled rows of the NFM paper, rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rexp.api import DataCard, RawData, SourceFile
from rexp.datasets.files import Place, plain_name
from rexp.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

CONTEXT = ("daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")
COLUMNS = ("user", "item", *CONTEXT)
NEGATIVES = 2
"""Rows that the publishers drew for each use of an app: another app, of the same user in the same context."""


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
        import polars as pl

        from rexp.datasets.parsers import read_table

        paths = {plain_name(source.path): source.path for source in self.sources()}
        uses = read_table(paths["frappe.csv"], "\t").select(COLUMNS)
        parts = {
            part: _labeled(paths[name], uses)
            for part in ("train", "validation", "test")
            if (name := f"frappe.{part}.libfm") in paths
        }
        valid, test = parts["validation"], parts["test"]
        train = parts["train"] if "train" in parts else _rebuilt(uses, valid, test, self.config.seed)
        # The numbers of cities are codes.
        given = {
            part: rows.with_columns(pl.col(CONTEXT).cast(pl.Categorical))
            for part, rows in (("train", train), ("valid", valid), ("test", test))
        }
        return RawData(
            given=given,
            items=_apps(paths["meta.csv"]) if self.config.metadata else None,
            context=CONTEXT,
        )


def _labeled(path: Path, uses: pl.DataFrame) -> pl.DataFrame:
    """Rows ``label code:1 code:1 ...`` as ``rating`` and the columns of the table.

    Codes are whole numbers, consecutive from column to column: users and items by their ids, then the values of each
    context in the order in which they come first in the table.
    """
    import polars as pl

    from rexp.datasets.parsers import read_table

    rows = read_table(path, " ", ["rating", *COLUMNS])
    codes = rows.select(
        "rating", *(pl.col(name).str.strip_suffix(":1").cast(pl.Int64, strict=False) for name in COLUMNS)
    )
    columns, first = [codes["rating"].cast(pl.Float64)], 0
    for name in COLUMNS:
        known = _values(uses[name], numbered=name in ("user", "item"))
        places = codes[name] - first
        bad = places.is_null() | (places < 0) | (places >= len(known))
        if bad.any():
            row = int(bad.arg_true()[0])
            raise DataError(f"{path}, line {row + 1}: '{rows[name][row]}' is no code of {name} in frappe.csv")
        columns.append(known.gather(places).alias(name))
        first += len(known)
    return pl.DataFrame(columns)


def _values(column: pl.Series, *, numbered: bool) -> pl.Series:
    """What the codes of a column stand for, in their order."""
    import polars as pl

    if not numbered:
        return column.unique(maintain_order=True)
    ids = column.cast(pl.Int64)
    return pl.Series(column.name, range(int(ids.max()) + 1), pl.Int64).cast(pl.String)  # type: ignore[arg-type]


def _rebuilt(uses: pl.DataFrame, valid: pl.DataFrame, test: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The training rows: what validation and test leave of the uses, and of two negatives for each."""
    import polars as pl

    held = pl.concat([valid, test])
    positives = _without(uses, held.filter(pl.col("rating") > 0), COLUMNS)
    places = ["user", *CONTEXT]
    wanted = pl.concat([uses.select(places)] * NEGATIVES)
    negatives = _without(wanted, held.filter(pl.col("rating") < 0), places).sort(places)
    items = _unused_items(negatives["user"], uses, seed)
    return pl.concat(
        [
            positives.select(pl.lit(1.0).alias("rating"), *COLUMNS),
            negatives.with_columns(items).select(pl.lit(-1.0).alias("rating"), *COLUMNS),
        ]
    )


def _without(rows: pl.DataFrame, taken: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows without those that are taken, each as often as it is taken; equal rows are one as good as another.

    Raises:
        DataError: more are taken than there are.
    """
    import polars as pl

    def numbered(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(*columns, copy=pl.int_range(pl.len()).over(columns))

    left = numbered(rows).join(numbered(taken), on=[*columns, "copy"], how="anti", maintain_order="left")
    if len(left) != len(rows) - len(taken):
        raise DataError("frappe.csv and the rows of validation and test do not fit each other; fetch them again")
    return left.drop("copy")


def _unused_items(users: pl.Series, uses: pl.DataFrame, seed: int) -> pl.Series:
    """For each row an item that its user never used, drawn uniformly; ``users`` lie together."""
    import numpy as np
    import polars as pl

    n_items = len(_values(uses["item"], numbered=True))
    used = dict(uses.group_by("user").agg(pl.col("item").cast(pl.Int64).unique()).iter_rows())
    chance = np.random.default_rng(seed)
    drawn = []
    for user, rows in users.rle().struct.unnest().select("value", "len").iter_rows():
        free = np.setdiff1d(np.arange(n_items), used[user])
        drawn.append(free[chance.integers(len(free), size=rows)])
    return pl.Series("item", np.concatenate(drawn)).cast(pl.String)


def _apps(path: Path) -> pl.DataFrame:
    """What is known of the apps."""
    import polars as pl

    from rexp.datasets.parsers import read_table

    table = read_table(path, "\t", quoted=True).with_columns(pl.exclude("item").replace("unknown", None))
    return table.select(
        "item",
        "category",
        "downloads",
        "language",
        "price",
        "description",
        title="name",
        rating=pl.col("rating").cast(pl.Float64, strict=False),
    )

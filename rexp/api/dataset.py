"""Data sets and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from rexp.api.optional import OptionalMember

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from rexp.data.interactions import Interactions


@dataclass(frozen=True)
class Origin:
    """The file that a frame of interactions was read from, for messages and for column names in filters.

    Args:
        path: the file.
        first_line: the line in which its first row stands.
        columns: the file's own name of the columns ``user``, ``item``, ``rating``, ``time``; empty for one that is not
            to be read.
    """

    path: Path
    first_line: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VectorSource:
    """A file of vectors of users or items, such as embeddings of their pictures.

    Args:
        path: ``.npy``, ``.npz`` or ``.safetensors``: (rows, D) floating-point numbers; or ``.parquet`` with a column of
            lists beside that of the ids, which may lack some. One of the data set's ``sources``.
        key: of the array inside ``.npz`` and ``.safetensors``, or the column of ``.parquet``; None takes the only one.
        ids: whose row r is: the data's own ids, or a text file with an id a line. None: row r is that of the r-th id in
            ascending order, of the table of users or items, or of the interactions where there is no table.
        missing: what an id without a vector has: zeros, the mean of the training ids' vectors; or none may lack one.
    """

    path: Path
    key: str | None = None
    ids: Sequence[Any] | Path | None = None
    missing: Literal["zero", "mean", "error"] = "zero"


@dataclass(frozen=True)
class RawData:
    """What a data set's reader returns: frames with columns ``user``, ``item`` and, where known, ``rating``, ``time``.

    Either ``interactions`` (to be filtered and split) or ``given`` parts (``train``, ``test`` and maybe ``valid``).
    Ids are whole numbers or text, ratings numbers, times numbers, dates or date-times; a missing one is null. Further
    columns are read by ``data.filter.where`` alone, unless one of the last arguments names them.

    Args:
        interactions: every interaction.
        given: the publisher's own parts by name.
        candidates: ``user`` and ``items`` (a list column): the publisher's own negatives of the test users. With a
            column ``target``, each list is of one test item alone, which is ranked in it.
        items: ``item`` and any of ``title``, ``genres`` and further feature columns.
        users: ``user`` and feature columns.
        steps: what the reader itself left out, in its order, each as ``rexp.datasets.steps.describe_step`` tells
            it; they stand before the filters in the report.
        item_columns, user_columns: further columns of the interactions that describe their item or user, by the names
            that they get; of several values the commonest text, or the median number.
        origins: where ``interactions`` or the parts were read from, by these names.
        vectors: vectors of users or items by the feature's name: ``item.image``.
        context: further columns of the interactions that are contexts of theirs (hour, device, weather), by name: a
            model gets them as the features ``context.<name>``.
        weight: further column of the interactions that holds the rows' weights, numbers of 0 or more; None for none.
        propensity: further column that holds the probability with which the row's pair is observed, above 0 and up to
            1; None for none.
    """

    interactions: pl.DataFrame | None = None
    given: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    candidates: pl.DataFrame | None = None
    items: pl.DataFrame | None = None
    users: pl.DataFrame | None = None
    steps: Sequence[Mapping[str, Any]] = ()
    item_columns: Mapping[str, str] = field(default_factory=dict)
    user_columns: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    vectors: Mapping[str, VectorSource] = field(default_factory=dict)
    context: Sequence[str] = ()
    weight: str | None = None
    propensity: str | None = None


@dataclass(frozen=True)
class SourceFile:
    """A file a data set is read from; ``sha256`` is of the stored file, None for a user's own."""

    path: Path
    sha256: str | None = None


@dataclass(frozen=True)
class DataCard:
    """Title, license and citation of a data set, shown by ``rexp data info``."""

    title: str
    licence: str
    homepage: str
    citation: str = ""
    notes: str = ""


class Dataset(Protocol):
    """A source of interactions.

    It may also have ``protocol`` and ``labeled`` (:data:`PROTOCOL`, :data:`LABELED`). What :meth:`read` returns must
    follow from the options and from the content of :meth:`sources` alone: prepared data are kept by these, and by the
    plugin's code.

    Example::

        class TwoColumns:
            Config = TwoColumnsConfig  # a dataclass with an option ``file``
            card = DataCard("Two columns", "CC0", "https://example.org")

            def __init__(self, config, root):
                self.path = (root or Path()) / config.file

            def sources(self):
                if not self.path.is_file():
                    raise DataError(f"{self.path} is not there; put it under paths.data")
                return [SourceFile(self.path)]

            def read(self):
                return RawData(pl.read_csv(self.path, new_columns=["user", "item"]), origins={})
    """

    Config: ClassVar[type]
    card: ClassVar[DataCard]

    def __init__(self, config: Any, root: Path | None) -> None:
        """Take the options and ``paths.data``, the folder of published files, None where it is not named."""
        ...

    def sources(self) -> Sequence[SourceFile]:
        """Files that :meth:`read` reads, named without opening them; raises ``DataError`` where one is missing."""
        ...

    def read(self) -> RawData:
        """Read the files; raises ``DataError`` where they cannot be read as what they should be."""
        ...


PROTOCOL: OptionalMember[str | None] = OptionalMember("protocol", None)
"""Of a data set, its class or instance: the protocol that ``evaluate=auto`` takes, "full", "candidates" or "pointwise".
None takes "pointwise" where rows are labeled, "candidates" where the data has some, else "full"."""
LABELED = OptionalMember("labeled", False)
"""Of a data set, its class or instance: ratings are labels, 1 of a positive row and 0 or -1 of a negative one
(impressions without a click, say). Such rows are trained on as they are, no negatives are drawn, and ``evaluate=auto``
is pointwise, unless a filter leaves the positives alone."""


@dataclass(frozen=True)
class SplitRows:
    """A split of rows: boolean masks or row numbers into the interactions, in their order.

    Args:
        train, valid, test: (N,) bool, or row numbers of any whole type; no row is in two parts, ``valid`` may be empty,
            and what is in none of them is left out.
    """

    train: np.ndarray[Any, Any]
    valid: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]


class Splitter(Protocol):
    """Divides interactions into train, valid and test rows.

    One whose ``Config`` has an option ``fold``, a number from 0, divides into folds: runs that differ in it alone are a
    family, whose mean over folds is one row of a table.

    It may also have ``uses_given_parts``, ``needs_clock`` and ``chronological`` (:data:`USES_GIVEN_PARTS`,
    :data:`NEEDS_CLOCK`, :data:`CHRONOLOGICAL`), on the class or on the instance, where options decide.

    Example::

        class EveryTenth:
            Config = EveryTenthConfig  # a dataclass without options

            def __init__(self, config): ...

            def split(self, interactions):
                tested = np.arange(len(interactions)) % 10 == 9
                return SplitRows(~tested, np.zeros(len(interactions), bool), tested)
    """

    Config: ClassVar[type]

    def __init__(self, config: Any) -> None: ...

    def split(self, interactions: Interactions) -> SplitRows:
        """The parts of ``interactions``, which are sorted by user, then time, then the order of the file; ``rows``
        tells where each stands there, unless the data has parts of its own.

        Chance must come from an option (a seed). Raises ``ConfigError`` or ``DataError`` where the data do not allow
        such a split.
        """
        ...


USES_GIVEN_PARTS = OptionalMember("uses_given_parts", False)
"""Of a split: it keeps the publisher's own parts (``RawData.given``), and divides the given training part alone."""
NEEDS_CLOCK = OptionalMember("needs_clock", False)
"""Of a split: it compares times of several users, so that data with only an order inside each user are refused."""
CHRONOLOGICAL = OptionalMember("chronological", False)
"""Of a split: no test interaction of a user is earlier than a training one of the same user; the data report looks for
leaks by this."""

"""The user's own files: one to be split, or parts that are split already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rexp.api import DataCard, Origin, RawData, SourceFile, VectorSource
from rexp.datasets.column_names import by_column
from rexp.datasets.files import Columns, Format, Pairs, own_file
from rexp.errors import ConfigError
from rexp.io.paths import at_home
from rexp.plugins.options import from_options

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class FilesConfig:
    """Options of :class:`Files`: either ``path``, or ``train`` and ``test`` (and maybe ``valid``).

    Args:
        path: file with all interactions.
        columns: names (or numbers from 1) of the columns; null takes the usual names.
        time_format: of times that are text, such as ``%d/%m/%Y %H:%M``; null reads numbers and ISO 8601.
        format: auto, csv, tsv, parquet, dat (``::``), inter (RecBole), list (user item item ...) or
            counted_list (count item item ..., the line number is the user).
        separator: between fields; null takes the format's.
        has_header: null looks at the first line.
        encoding: of text files.
        train, valid, test: the user's own parts; take them with ``data/split=given``.
        candidates: the user's own negatives: ``user item item ...`` a line.
        items, users: files with a header and a row an item or user: titles, categories, numbers; several values of a
            cell are divided by "|".
        item_codes, user_codes: columns of these whose numbers stand for categories.
        pairs: what several lines ``(user,test item)`` of one user in ``candidates`` are: "refuse"; "apart", a list for
            each test item; "join", one list of all their negatives, in which all test items of the user are ranked.
        context: columns of the interactions that are contexts of theirs, such as hour or device.
        weight: column of the rows' weights, for ``train.weights=column``.
        propensity: column of the probability with which a row's pair is observed, for ``ips`` and ``snips``.
        labeled: ratings are labels of 1 and 0 (or -1): rows bring their negatives.
        item_columns, user_columns: columns of the interactions that describe their item or user, by the name that they
            get, such as ``{title: Description}``; of several values the commonest text, or the median number.
        vectors: files of vectors of items or users, ``{item.image: clip.npz}``: a path, or the options of
            :class:`VectorFile`.
    """

    path: str | None = None
    columns: Columns = field(default_factory=Columns)
    format: Format = "auto"
    separator: str | None = None
    has_header: bool | None = None
    encoding: str = "utf-8"
    train: str | None = None
    valid: str | None = None
    test: str | None = None
    candidates: str | None = None
    time_format: str | None = None
    items: str | None = None
    users: str | None = None
    item_codes: tuple[str, ...] = ()
    user_codes: tuple[str, ...] = ()
    item_columns: dict[str, str] | None = None
    user_columns: dict[str, str] | None = None
    pairs: Pairs = "refuse"
    context: tuple[str, ...] = ()
    weight: str | None = None
    propensity: str | None = None
    labeled: bool = False
    vectors: dict[str, Any] | None = None


@dataclass(frozen=True)
class VectorFile:
    """A file of vectors; see :class:`rexp.api.VectorSource`.

    Args:
        path: ``.npy``, ``.npz``, ``.safetensors`` or ``.parquet``.
        key: of the array, or the column, where there are several.
        ids: a text file with the id of each row on a line; null: the rows are in the order of the ids.
        missing: what those without a vector have: ``zero``, ``mean``, or ``error``.
    """

    path: str
    key: str | None = None
    ids: str | None = None
    missing: Literal["zero", "mean", "error"] = "zero"


class Files:
    """Files of any common format, plain or gzip."""

    Config: ClassVar[type] = FilesConfig
    card: ClassVar[DataCard] = DataCard(
        title="Your own files",
        licence="yours",
        homepage="",
        notes="rexp data=csv data.path=FILE data.columns.user=NAME data.columns.item=NAME",
    )

    def __init__(self, config: FilesConfig, root: Path | None) -> None:
        self.config, self.labeled = config, config.labeled

    def sources(self) -> Sequence[SourceFile]:
        config = self.config
        vectors = self._vectors().values()
        beside = (config.candidates, config.items, config.users, *(path for file in vectors for path in _paths(file)))
        return [own_file(path) for path in [*self._parts().values(), *(path for path in beside if path)]]

    def read(self) -> RawData:
        config = self.config
        rows = {"interactions" if name == "path" else name: self._read(path) for name, path in self._parts().items()}
        frames = {name: frame for name, (frame, _) in rows.items()}
        return RawData(
            frames.pop("interactions", None),
            given=frames,
            candidates=self._candidates(),
            items=self._describe("item", config.items, config.item_codes),
            users=self._describe("user", config.users, config.user_codes),
            item_columns=config.item_columns or {},
            user_columns=config.user_columns or {},
            context=config.context,
            weight=config.weight,
            propensity=config.propensity,
            origins={name: origin for name, (_, origin) in rows.items()},
            vectors={
                name: VectorSource(_path(file.path), file.key, _path(file.ids) if file.ids else None, file.missing)
                for name, file in self._vectors().items()
            },
        )

    def _candidates(self) -> pl.DataFrame | None:
        from rexp.datasets.lists import read_candidates

        path, config = self.config.candidates, self.config
        return read_candidates(_path(path), config.encoding, config.pairs) if path else None

    def _vectors(self) -> dict[str, VectorFile]:
        """The files of vectors by feature."""
        named = by_column(self.config.vectors or {}, "data.vectors", ("user", "item"))
        return {
            name: from_options(VectorFile, {"path": file} if isinstance(file, str) else file, f"data.vectors.{name}")
            for name, file in named.items()
        }

    def _parts(self) -> dict[str, str]:
        """The paths that are set: either ``path`` alone or the parts."""
        config = self.config
        parts = {name: path for name in ("train", "valid", "test") if (path := getattr(config, name))}
        if config.path and parts:
            raise ConfigError(f"data.path and data.{next(iter(parts))} are both set; give one file, or the parts")
        if config.path:
            return {"path": config.path}
        if "train" not in parts or "test" not in parts:
            raise ConfigError("data=csv needs data.path=FILE, or both data.train=FILE and data.test=FILE")
        return parts

    def _read(self, path: str) -> tuple[pl.DataFrame, Origin]:
        from rexp.datasets.rows import read_rows

        config = self.config
        return read_rows(
            _path(path),
            config.format,
            config.columns,
            separator=config.separator,
            has_header=config.has_header,
            encoding=config.encoding,
            time_format=config.time_format,
        )

    def _describe(self, role: Literal["user", "item"], path: str | None, codes: Sequence[str]) -> pl.DataFrame | None:
        from rexp.datasets.side_tables import described
        from rexp.datasets.tables import read_headed

        if path is None:
            return None
        frame, origin = read_headed(_path(path), self.config.encoding)
        return described(frame, role, getattr(self.config.columns, role), origin, codes)


def _paths(file: VectorFile) -> list[str]:
    return [file.path, *([file.ids] if file.ids else [])]


def _path(path: str) -> Path:
    return at_home(path)

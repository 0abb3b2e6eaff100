"""The user's own files: one to be split, or parts that are split already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rexp.api import DataCard, Raw, SourceFile
from rexp.data.source import Columns, Format, own_file
from rexp.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class FilesConfig:
    """Options of :class:`Files`: either ``path``, or ``train`` and ``test`` (and maybe ``valid``).

    Args:
        path: file with all interactions.
        columns: names (or numbers from 1) of the columns; null takes the usual names.
        format: auto, csv, tsv, parquet, dat (``::``), inter (RecBole), list (user item item ...) or
            counted_list (count item item ..., the line number is the user).
        separator: between fields; null takes the format's.
        has_header: null looks at the first line.
        encoding: of text files.
        train, valid, test: the user's own parts; take them with ``data/split=given``.
        candidates: the user's own negatives: ``user item item ...`` a line.
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
        self.config = config

    def sources(self) -> Sequence[SourceFile]:
        candidates = self.config.candidates
        return [own_file(path) for path in [*self._parts().values(), *([candidates] if candidates else [])]]

    def read(self) -> Raw:
        from rexp.data.readers import read_candidates

        frames = {name: self._read(path) for name, path in self._parts().items()}
        candidates = read_candidates(Path(self.config.candidates).expanduser()) if self.config.candidates else None
        return Raw(frames.pop("path", None), given=frames, candidates=candidates)

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

    def _read(self, path: str) -> pl.DataFrame:
        from rexp.data.readers import read_interactions

        config = self.config
        return read_interactions(
            Path(path).expanduser(),
            config.format,
            config.columns,
            separator=config.separator,
            has_header=config.has_header,
            encoding=config.encoding,
        )

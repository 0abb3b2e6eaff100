"""Description of a data set for ``rexp data``: its counts before any filter, and the state of its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rexp.datasets.files import checksum_state
from rexp.errors import ConfigError, DataError, RexpError
from rexp.plugins import registry
from rexp.prepare.contexts import side_columns
from rexp.prepare.features.columns import fit_column
from rexp.prepare.features.policy import DEFAULT
from rexp.prepare.features.sides import fit_sides
from rexp.prepare.features.tables import report_of
from rexp.prepare.filter_config import FilterConfig
from rexp.prepare.row_filters import choose_rows
from rexp.prepare.sources import make_dataset
from rexp.prepare.vocabulary import build_vocabulary, encode

if TYPE_CHECKING:
    from rexp.api import DataCard, RawData
    from rexp.data.types import Side
    from rexp.io.json_types import Json
    from rexp.plugins.options import NodeView
    from rexp.prepare.features.tables import ColumnReport


@dataclass(frozen=True)
class Counts:
    """Users and items with an interaction, interactions, and distinct pairs of them."""

    users: int
    items: int
    interactions: int
    pairs: int

    @property
    def density(self) -> float:
        """Distinct pairs / (users x items), as a fraction."""
        return self.pairs / (self.users * self.items)


@dataclass(frozen=True)
class Overview:
    """A data set as the commands show it.

    Args:
        state: "ok", "differs" (content is not the published one), "unpinned" (no checksum is known), "missing" (a
            file), "yours" (to be named) or "broken" (the plugin); ``problem`` says more.
        files: checksum state by path.
        parts: interactions of the publisher's own parts.
        columns: what becomes of each column of users, items and contexts, by its type alone.
    """

    name: str
    state: str
    card: DataCard | None = None
    counts: Counts | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    columns: tuple[ColumnReport, ...] = ()

    def as_dict(self) -> Json:
        """For JSON."""
        content = asdict(self)
        if self.counts is not None:
            content["counts"]["density"] = self.counts.density
        return content


def look_at(name: str, root: Path | None, options: NodeView | None = None, *, columns: bool = False) -> Overview:
    """Read a data set and count; whatever keeps it from being read becomes its state.

    Args:
        name: of the data set.
        root: the data folder.
        options: of the data set.
        columns: also tell what becomes of each column.

    Raises:
        ConfigError: no data set has this name.
    """
    registry.find("data", name)
    card: DataCard | None = None
    try:
        card = registry.load("data", name).card
        dataset = make_dataset({"name": name, **(options or {})}, root)
        sources = dataset.sources()
        files: dict[str, str] = {str(source.path): checksum_state(source) for source in sources}
        state = next((bad for bad in ("differs", "unpinned") if bad in files.values()), "ok")
        raw = dataset.read()
        told = columns_of(raw) if columns else ()
    except DataError as error:
        return Overview(name, "missing", card, problem=str(error))
    except ConfigError as error:
        return Overview(name, "broken" if card is None else "yours", card, problem=str(error))
    except RexpError as error:
        return Overview(name, "broken", card, problem=str(error))
    parts = {part: len(frame) for part, frame in raw.given.items()}
    return Overview(name, state, card, count(raw), files, parts, columns=told)


def count(raw: RawData) -> Counts:
    """The counts of what a reader returned, all parts together."""
    frames = [*raw.given.values()] if raw.interactions is None else [raw.interactions]
    pairs = pl.concat([frame.select(pl.col("user", "item").cast(pl.String)) for frame in frames])
    return Counts(
        pairs["user"].n_unique(), pairs["item"].n_unique(), len(pairs), pairs.select("user", "item").n_unique()
    )


def columns_of(raw: RawData) -> tuple[ColumnReport, ...]:
    """What becomes of each column of users, items and contexts, fitted on the given training part, or else on
    everything."""
    frames = choose_rows(raw, FilterConfig(on_missing="drop")).frames
    fitted_on = "train" if "train" in frames else next(iter(frames))
    ids: dict[Side, pl.Series] = {
        "user": build_vocabulary([frame["user"] for frame in frames.values()]),
        "item": build_vocabulary([frame["item"] for frame in frames.values()]),
    }
    trained = {side: encode(frames[fitted_on][side], own) for side, own in ids.items()}
    contexts = side_columns(raw, frames)
    in_train = np.repeat([name == fitted_on for name in frames], [len(frame) for frame in frames.values()])
    of_contexts = [
        report_of(f"context.{name}", fit_column(f"context.{name}", contexts.frame[name], in_train, DEFAULT))
        for name in contexts.context
    ]
    return (*fit_sides(raw, frames, ids, trained, {}).fitted.columns, *of_contexts)

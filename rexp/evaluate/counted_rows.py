"""The rows of a part that count, by whether training knows their items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexp.errors import DataError
from rexp.evaluate.config import OF_TARGETS

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.evaluate.config import EvaluateConfig


def counted_rows(split: Split, part: Part, config: EvaluateConfig) -> Interactions:
    """The rows of a part that ``evaluate.targets`` counts.

    Raises:
        DataError: there are none.
    """
    rows, kind = split.part(part), ""
    if config.targets != "all":
        rows = rows.take(split.in_catalogue(OF_TARGETS[config.targets])[rows.items])
        kind = f" of a {config.targets} item"
    if len(rows) == 0:
        raise DataError(f"'{split.name}' has no row{kind} in its {part} part: nothing can be measured")
    return rows

"""A grid of jobs from the words of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser

from rexp.hydra._compat import combinations

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader


def grid(words: Sequence[str], loader: ConfigLoader) -> tuple[tuple[str, ...], ...]:
    """The overrides of every job, each job once.

    Args:
        words: of the command line, with all values of a key.
        loader: Hydra's.
    """
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(words))
    return tuple(dict.fromkeys(tuple(job) for job in combinations(overrides)))

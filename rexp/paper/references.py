"""Rows that build on other rows: ``<name>`` in an override stands for the run of the row called so."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

REFERENCE = re.compile(r"<([^<>]+)>")


def references(overrides: Sequence[str]) -> list[str]:
    """Names of the rows that these overrides refer to.

    >>> references(["model.init_from={gmf: <gmf-8>, mlp: <mlp-8>}", "seed=0"])
    ['gmf-8', 'mlp-8']
    """
    return [name for text in overrides for name in REFERENCE.findall(text)]


def resolved(overrides: Sequence[str], run_of: Callable[[str], str]) -> list[str]:
    """The overrides with names replaced by run ids, quoted because an id may look like a number.

    >>> resolved(["teacher.from=<teacher>"], {"teacher": "12e4"}.__getitem__)
    ["teacher.from='12e4'"]
    """
    return [REFERENCE.sub(lambda found: f"'{run_of(found[1])}'", text) for text in overrides]

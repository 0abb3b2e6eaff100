"""``measure`` says what is looked at, and nothing of what a run is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rexp.config.job import read
from rexp.errors import ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

Composed = Callable[..., "DictConfig"]


def test_it_is_no_part_of_what_a_run_is_known_by(composed: Composed) -> None:
    usual, otherwise = (
        read(composed("model=pop", *more)).alias()
        for more in ([], ["measure.latency=false", "measure.repeats=7", "measure.candidates=[5]"])
    )
    assert usual == otherwise


@pytest.mark.parametrize("override", ["measure.repeats=0", "measure.candidates=[]", "measure.candidates=[0,10]"])
def test_what_cannot_be_measured_is_refused(composed: Composed, override: str) -> None:
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        read(composed("model=pop", override))

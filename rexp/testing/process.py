"""What a process has once, watched: chance and settings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from rexp.plugins.process_state import chance, settings
from rexp.testing.check import Breach


@contextmanager
def no_global_chance(what: str) -> Iterator[None]:
    """Breach where torch's, numpy's or Python's global generator is drawn from within."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    yield
    after = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    drawn = [
        name
        for name, same in (
            ("torch", torch.equal(before[0], after[0])),
            ("numpy", str(before[1]) == str(after[1])),
            ("Python", before[2] == after[2]),
        )
        if not same
    ]
    if drawn:
        raise Breach(f"{what} draws from the global generator of {' and '.join(drawn)}; take the one that is given")


@contextmanager
def settings_kept(what: str) -> Iterator[None]:
    """Breach where a setting of the whole process is another one afterwards."""
    before = [(setting, setting.read()) for setting in settings()]
    yield
    changed = [setting.name for setting, value in before if setting.read() != value]
    if changed:
        raise Breach(f"{what} changes {', '.join(changed)} for the whole process")


@contextmanager
def settings_restored() -> Iterator[None]:
    """Put back what a process has once, chance included, so that one check does not decide another."""
    before = [(setting, setting.read()) for setting in (*settings(), *chance())]
    try:
        yield
    finally:
        for setting, value in before:
            setting.write(value)

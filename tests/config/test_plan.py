"""What a configuration comes to once its plugins are loaded, and what of it makes another run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rexp.config.plan import Plan, resolve
from rexp.config.request import read
from rexp.data.split import Interactions, Split
from rexp.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig

Planned = Callable[..., Plan]


def part(rows: list[tuple[int, int]]) -> Interactions:
    users, items = np.array(rows, np.int32).T
    return Interactions(users, items)


SPLIT = Split(
    "toy", part([(0, 0), (0, 1), (1, 2), (1, 3)]), part([(0, 2), (1, 0)]), part([(0, 3), (1, 1)]), 2, 4, "x", "full"
)


@pytest.fixture
def planned(composed: Callable[..., DictConfig], tmp_path: Path) -> Planned:
    """The plan of some overrides on a toy split."""
    return lambda *overrides: resolve(read(composed(*overrides), {}), SPLIT, Store(tmp_path), sweeping=False)


FINETUNED = ("model=mf", "compress.order=[fit,finetune]")


def test_what_a_fine_tune_does_otherwise_makes_another_run_where_there_is_one(planned: Planned) -> None:
    short, long = planned(*FINETUNED), planned(*FINETUNED, "compress.finetune.max_epochs=9")
    assert short.identity() != long.identity()
    assert short.steps_identity(2) != long.steps_identity(2)
    assert short.steps_identity(1) == long.steps_identity(1) == planned("model=mf").steps_identity(1)
    assert planned("model=mf").identity() == planned("model=mf", "compress.finetune.max_epochs=9").identity()


def test_the_rules_by_which_a_fine_tune_chooses_belong_to_its_step_alone(planned: Planned) -> None:
    last = ("train.select=last", "train.patience=0", "+compress.finetune.select=best")
    masked, whole = planned(*FINETUNED, *last), planned(*FINETUNED, *last, "evaluate.mask=[]")
    assert masked.steps_identity(2) != whole.steps_identity(2)
    assert masked.steps_identity(1) == whole.steps_identity(1)
    by_hits = planned(*FINETUNED, *last, "train.monitor=hr@10")
    assert masked.steps_identity(2) != by_hits.steps_identity(2)
    assert masked.steps_identity(1) == by_hits.steps_identity(1)

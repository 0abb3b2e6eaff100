"""What is typed, as it is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rexp.hydra.overrides import normalize_overrides


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("model.init_from=0012e4567890", "model.init_from='0012e4567890'"),
        ("+teacher.from=123456789012,12e4", "+teacher.from='123456789012','12e4'"),
        ("model.init_from={gmf: a1, mlp: b2}", "model.init_from={gmf: a1, mlp: b2}"),
        ("retriever.from=item_features", "retriever.from=item_features"),
        ("data.split.seed=12", "data.split.seed=12"),
    ],
)
def test_ids_of_runs_are_text(typed: str, meant: str) -> None:
    assert normalize_overrides([typed]) == [meant]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("data.path=/data/dösé.csv", "data.path='/data/dösé.csv'"),
        ("data.path=lr=0.1.csv", "data.path='lr=0.1.csv'"),
        ("data.path=~/a#b(1).csv", "data.path='~/a#b(1).csv'"),
        ("data.path=a b.csv", "data.path=a b.csv"),
        # What has marks of Hydra's own is left to it, right or wrong.
        ("evaluate.k=[5,10", "evaluate.k=[5,10"),
        ("data.path='ö.csv'", "data.path='ö.csv'"),
        ("paths.store=${paths.data}/é", "paths.store=${paths.data}/é"),
    ],
)
def test_what_hydra_cannot_read_is_text(typed: str, meant: str) -> None:
    assert normalize_overrides([typed]) == [meant]


def test_in_a_sweep_each_choice_is_text_of_its_own() -> None:
    assert normalize_overrides(["-m", "data.path=é.csv,a.csv"]) == ["-m", "data.path='é.csv','a.csv'"]


def test_in_a_sweep_options_of_groups_that_may_be_empty_are_choices() -> None:
    typed = ["-m", "retriever=flat,ivf", "retriever.from=12e4", "compress.stages.quant.bits=4,2", "loss.margin=[1,2]"]
    typed += ["model.factors=4", "~model@teacher", "teacher.x=", "+sampler.n=range(1,3)"]
    assert normalize_overrides(typed) == [
        "-m", "retriever=flat,ivf", "retriever.from=choice('12e4')", "compress.stages.quant.bits=4,2",
        "loss.margin=choice([1,2])", "model.factors=4", "~model@teacher", "teacher.x=", "+sampler.n=range(1,3)",
    ]  # fmt: skip
    assert normalize_overrides(typed[1:])[-2:] == typed[-2:]


@pytest.mark.slow
def test_a_sweep_over_a_group_takes_its_options(command: Callable[..., Any]) -> None:
    sweep = ["-m", "track=none", "model=mf", "evaluate=two_stage", "retriever=flat,sq8", "retriever.metric=wrong"]
    done = command(*sweep)
    assert done.returncode == 2
    assert done.stderr.count("retriever.metric='wrong' is not allowed") == 2

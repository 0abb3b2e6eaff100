from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from rexp.errors import ConfigError
from rexp.evaluate.config import CandidatesConfig, EvaluateConfig, check
from rexp.evaluate.protocol import identity, short_hash, suffix, used
from rexp.plugins.options import drop_unset, from_options

from .helpers import random_split

CONF = Path(__file__).parents[2] / "conf" / "evaluate"


def protocol_id(protocol="full", part="test", **options):
    return short_hash(identity(protocol, EvaluateConfig(**options), part))


def test_what_defines_the_protocol_changes_its_identity():
    drawn = [
        CandidatesConfig(n=50),
        CandidatesConfig(seed=1),
        CandidatesConfig(replace=True),
        CandidatesConfig(exclude=[]),
    ]
    ids = [
        protocol_id(),
        protocol_id(part="valid"),
        protocol_id(mask=["train"]),
        protocol_id(catalogue="all"),
        protocol_id(catalogue="cold"),
        protocol_id(targets="warm"),
        protocol_id(targets="cold"),
        protocol_id(ties="expected"),
        protocol_id(history=["train"]),
        protocol_id("candidates"),
        protocol_id("sampled"),
        *[protocol_id("sampled", candidates=config) for config in drawn],
        protocol_id("two_stage"),
        protocol_id("two_stage", mask=["train"]),
        protocol_id("pointwise"),
        protocol_id("pointwise", threshold=4.0),
        protocol_id("pointwise", targets="cold"),
    ]
    assert len(set(ids)) == len(ids)


def test_what_does_not_leaves_it():
    assert protocol_id() == protocol_id(k=[5, 20], metrics=["hr"], block_bytes=1, threshold=3.0)
    assert protocol_id() == protocol_id(candidates=CandidatesConfig(n=5), mask=["valid", "train"])
    assert protocol_id("candidates") == protocol_id("candidates", mask=[])


GIVEN = random_split()
WITH_CANDIDATES = replace(GIVEN, candidates=np.zeros((30, 2), np.int32))


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("full", {"candidates": CandidatesConfig(n=5)}),
        ("full", {"threshold": 4.0}),
        ("full", {"row_metrics": ["auc"]}),
        ("full", {"latency_users": 1}),
        ("full", {"block_bytes": 1}),
        ("full", {"mask": ["valid", "train"]}),
        ("candidates", {"mask": []}),
        ("candidates", {"candidates": CandidatesConfig(n=5)}),
        ("sampled", {"mask": []}),
        ("pointwise", {"metrics": ["hr"]}),
        ("pointwise", {"k": [5]}),
        ("pointwise", {"ties": "expected"}),
    ],
)
def test_what_the_protocol_does_not_use_makes_no_other_run(protocol, options):
    assert used(EvaluateConfig(protocol, **options), WITH_CANDIDATES) == used(EvaluateConfig(protocol), WITH_CANDIDATES)


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("full", {"mask": []}),
        ("full", {"metrics": ["hr"]}),
        ("full", {"k": [5]}),
        ("candidates", {"catalogue": "all"}),  # what share of it the lists cover
        ("sampled", {"candidates": CandidatesConfig(seed=5)}),
        ("two_stage", {"latency_users": 1}),
        ("pointwise", {"row_metrics": ["auc"]}),
        ("pointwise", {"threshold": 4.0}),
    ],
)
def test_what_it_uses_makes_another(protocol, options):
    assert used(EvaluateConfig(protocol, **options), WITH_CANDIDATES) != used(EvaluateConfig(protocol), WITH_CANDIDATES)


def test_auto_is_the_protocol_that_it_comes_to():
    assert used(EvaluateConfig("auto"), GIVEN) == used(EvaluateConfig("full"), GIVEN)


def test_suffix():
    config = EvaluateConfig(candidates=CandidatesConfig(n=99, seed=0, sampler="popularity"))
    suffixes = [suffix(p, config) for p in ("full", "candidates", "sampled", "two_stage")]
    assert suffixes == ["", "|given", "|popularity-99-s0", "|two_stage"]


@pytest.mark.parametrize("name", ["auto", "full", "candidates", "sampled", "pointwise"])
def test_the_yaml_files_hold_the_defaults(name):
    text = (CONF / f"{name}.yaml").read_text()
    assert text.startswith(f"protocol: {name}")
    options = yaml.safe_load(text)
    assert from_options(EvaluateConfig, drop_unset(EvaluateConfig, options), "evaluate") == EvaluateConfig(
        protocol=name
    )
    assert list(options) == [field.name for field in fields(EvaluateConfig)]


def test_the_yaml_of_two_stages_differs_in_its_shorter_list_of_metrics():
    options = yaml.safe_load((CONF / "two_stage.yaml").read_text())
    expected = EvaluateConfig(protocol="two_stage", metrics=["ndcg", "recall", "hr", "mrr", "coverage"])
    assert from_options(EvaluateConfig, drop_unset(EvaluateConfig, options), "evaluate") == expected
    assert list(options) == [field.name for field in fields(EvaluateConfig)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": [0]}, "evaluate.k"),
        ({"k": []}, "evaluate.k"),
        ({"metrics": []}, "evaluate.metrics is empty"),
        ({"protocol": "pointwise", "row_metrics": []}, "evaluate.row_metrics is empty"),
        (
            {"options": {"f1": {}}},
            "evaluate.options has 'f1', which is not in evaluate.metrics or evaluate.row_metrics",
        ),
        (
            {"protocol": "full", "metrics": ["ndcg"], "options": {"ndgc": {}}},
            "not in evaluate.metrics; did you mean 'ndcg'",
        ),
        ({"mask": ["test"]}, "evaluate.mask has 'test'"),
        ({"latency_users": -1}, "evaluate.latency_users"),
        ({"candidates": CandidatesConfig(n=0)}, "evaluate.candidates.n"),
        ({"candidates": CandidatesConfig(exclude=["all"])}, "evaluate.candidates.exclude has 'all'"),
    ],
)
def test_senseless_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        check(EvaluateConfig(**options))

"""The YAML of every retriever says its defaults, and the keys that are the run's own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from rexp.errors import ConfigError
from rexp.plugins import registry
from rexp.retrieve.retrieval import Retrieval

from .helpers import clustered, typed

CONF = Path(__file__).parents[2] / "conf" / "retriever"
RESERVED = {"from": None, "n_candidates": 100, "ranker": None}


@pytest.mark.parametrize("name", registry.names("retriever"))
def test_the_yaml_holds_the_defaults(name: str) -> None:
    text = (CONF / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    node = yaml.safe_load(text)
    assert next(iter(node)) == "name"
    assert node.pop("name") == name
    assert {key: node.pop(key) for key in RESERVED} == RESERVED
    assert node == asdict(typed(name))


def test_a_retrieval_says_what_it_is() -> None:
    retrieval = Retrieval("ivf", typed("ivf", n_probe=3), 50)
    assert retrieval.facts() == {
        "name": "ivf", "metric": "ip", "device": "auto", "n_lists": None, "n_probe": 3, "n_candidates": 50,
    }  # fmt: skip


def test_no_candidates_or_two_sources_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"retriever\.n_candidates=0"):
        Retrieval("flat", typed("flat"), 0)
    with pytest.raises(ConfigError, match="not from both"):
        Retrieval("flat", typed("flat"), 10, vectors_from=object(), item_features=clustered(9)[0])

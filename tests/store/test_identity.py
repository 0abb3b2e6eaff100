from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexp.store.identity import alias_key, canonical_json, run_id


class Color(StrEnum):
    RED = "red"


@dataclass
class Options:
    rate: float
    sizes: tuple[int, ...]


IDENTITY = {
    "config": {
        "seed": 1,
        "model": {"name": "mf", "factors": 8},
        "fit": {"lr": 0.001, "layers": [32, 16]},
        "from": None,
    },
    "code": {"rexp-recsys": "0.1.0"},
}


def test_the_id_of_a_known_identity_stays() -> None:
    # A change here makes every stored run of every user unknown: raise STORE_SCHEMA and mean it.
    assert run_id(IDENTITY) == "b12de2380236"
    assert alias_key(IDENTITY) == "61c78f133e6fe651d8a5523ebb1c565d"


def test_order_and_container_do_not_matter_but_values_and_types_do() -> None:
    assert run_id({"a": 1, "b": (1, 2)}) == run_id({"b": [1, 2], "a": 1})
    different = [{"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": True}, {"a": None}, {"a": [1]}, {"a": {}}, {"b": 1}, {}]
    assert len({run_id(identity) for identity in different}) == len(different)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Options(0.1, (1, 2)), '{"rate":0.1,"sizes":[1,2]}'),
        (Color.RED, '"red"'),
        (Path("a") / "b", '"a/b"'),
        ({3, 1, 2}, "[1,2,3]"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), "7"),
        (np.float64(0.1), "0.1"),
        ({1: "x"}, '{"1":"x"}'),
        ("ü", '"\\u00fc"'),
        (1e-05, "1e-05"),
    ],
)
def test_every_value_has_one_text(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, np.float64("nan")])
def test_a_number_that_is_not_finite_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not finite"):
        canonical_json(value)


@pytest.mark.parametrize("value", [object(), b"bytes", {1: "a", "1": "b"}, np.zeros(2)])
def test_what_has_no_plain_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text()))
def test_the_id_does_not_depend_on_insertion_order(mapping: dict[str, Any]) -> None:
    assert run_id(mapping) == run_id(dict(reversed(mapping.items())))

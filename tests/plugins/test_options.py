"""From plain options to a dataclass: what is converted, and what is refused in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, make_dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexp.errors import ConfigError
from rexp.plugins.options import from_options


class Reduction(Enum):
    MEAN = "mean"
    SUM = "sum"


@dataclass
class Inner:
    rate: float = 0.5
    layers: tuple[int, ...] = (8, 4)


@dataclass
class Options:
    factors: int = 8
    lr: float = 1e-3
    name: str = "x"
    bias: bool = True
    clip: float | None = None
    variant: Literal["gmf", "mlp"] = "gmf"
    reduction: Reduction = Reduction.MEAN
    columns: list[str] = field(default_factory=list)
    pair: tuple[int, str] = (1, "a")
    weights: dict[str, float] = field(default_factory=dict)
    order: list[Any] = field(default_factory=lambda: ["fit"])
    k: int | list[int] = 10
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("key", "given_value", "built"),
    [
        ("lr", 1, 1.0),
        ("lr", "1e-3", 1e-3),
        ("lr", "-2.5E4", -2.5e4),
        ("clip", None, None),
        ("clip", "1e-1", 0.1),
        ("variant", "mlp", "mlp"),
        ("reduction", "sum", Reduction.SUM),
        ("reduction", Reduction.SUM, Reduction.SUM),
        ("columns", ["a", "b"], ["a", "b"]),
        ("pair", [2, "b"], (2, "b")),
        ("weights", {"a": 1}, {"a": 1.0}),
        ("order", [["fit", 1], None], [["fit", 1], None]),
        ("k", [5, 10], [5, 10]),
        ("inner", {"layers": [2], "rate": 0}, Inner(0.0, (2,))),
    ],
)
def test_what_loses_nothing_is_converted(key: str, given_value: Any, built: Any) -> None:
    value = getattr(from_options(Options, {key: given_value}, "model"), key)
    assert value == built
    assert type(value) is type(built)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factrs": 1}, "model.factrs is not an option here; did you mean 'factors'? Known: bias, clip"),
        ({"inner": {"rat": 1}}, "model.inner.rat is not an option here; did you mean 'rate'? Known: layers, rate"),
        ({"factors": "x"}, "model.factors='x' has the wrong type: a whole number is wanted, not text"),
        ({"factors": 1.5}, "model.factors=1.5 has the wrong type: a whole number is wanted, not a number"),
        ({"factors": True}, "model.factors=True has the wrong type: a whole number is wanted, not true or false"),
        ({"factors": None}, "model.factors=None has the wrong type: a whole number is wanted, not null"),
        ({"lr": "fast"}, "model.lr='fast' has the wrong type: a number is wanted, not text"),
        ({"lr": True}, "model.lr=True has the wrong type: a number is wanted, not true or false"),
        ({"bias": 1}, "model.bias=1 has the wrong type: true or false is wanted, not a whole number"),
        ({"name": 3}, "model.name=3 has the wrong type: text is wanted, not a whole number"),
        ({"clip": "x"}, "model.clip='x' has the wrong type: a number is wanted, not text"),
        ({"variant": "mpl"}, "model.variant='mpl' is not allowed; did you mean 'mlp'? Known: gmf, mlp"),
        ({"variant": ["mlp"]}, "model.variant=['mlp'] is not allowed; did you mean 'mlp'? Known: gmf, mlp"),
        ({"reduction": "men"}, "model.reduction='men' is not allowed; did you mean 'mean'? Known: mean, sum"),
        ({"columns": "a"}, "model.columns='a' has the wrong type: a list of text is wanted, not text"),
        ({"columns": ["a", 1]}, "model.columns[1]=1 has the wrong type: text is wanted, not a whole number"),
        ({"pair": [1]}, "model.pair=[1] has the wrong length: 2 values are wanted, not 1"),
        ({"pair": ["a", "b"]}, "model.pair[0]='a' has the wrong type: a whole number is wanted, not text"),
        ({"weights": {"a": "x"}}, "model.weights.a='x' has the wrong type: a number is wanted, not text"),
        ({"weights": [1]}, "model.weights=[1] has the wrong type: a mapping is wanted, not a list"),
        ({"k": "x"}, "model.k='x' has the wrong type: a whole number or a list of a whole number is wanted, not text"),
        ({"inner": 3}, "model.inner=3 has the wrong type: a mapping is wanted, not a whole number"),
        ({"inner": {"layers": [1, "x"]}}, "model.inner.layers[1]='x' has the wrong type: a whole number is wanted"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_options(Options, options, "model")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_option_without_a_default_must_be_given() -> None:
    required = make_dataclass("required", [("path", str), ("k", int, 3)])
    with pytest.raises(ConfigError, match=r"^data.path must be given \(text\)$"):
        from_options(required, {"k": 1}, "data")


def test_what_a_dataclass_refuses_itself_is_told_with_the_node() -> None:
    @dataclass
    class Positive:
        n: int = 1

        def __post_init__(self) -> None:
            if self.n < 1:
                raise ValueError(f"n={self.n} must be at least 1")

    with pytest.raises(ConfigError, match=r"^sampler: n=0 must be at least 1$"):
        from_options(Positive, {"n": 0}, "sampler")


def plain(value: Any) -> Any:
    """As a YAML file would hold it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


text = st.text(max_size=5)
number = st.floats(allow_nan=False, allow_infinity=False)
options = st.builds(
    Options,
    factors=st.integers(-(2**48), 2**48),
    lr=number,
    name=text,
    bias=st.booleans(),
    clip=st.none() | number,
    variant=st.sampled_from(["gmf", "mlp"]),
    reduction=st.sampled_from(Reduction),
    columns=st.lists(text, max_size=3),
    pair=st.tuples(st.integers(-(2**48), 2**48), text),
    weights=st.dictionaries(text, number, max_size=3),
    k=st.integers(-(2**48), 2**48) | st.lists(st.integers(-(2**48), 2**48), max_size=3),
    inner=st.builds(Inner, rate=number, layers=st.lists(st.integers(-(2**48), 2**48), max_size=3).map(tuple)),
)


@given(options)
def test_written_plainly_and_built_again_it_is_the_same(value: Options) -> None:
    assert from_options(Options, plain(asdict(value)), "model") == value


def test_nothing_given_is_the_defaults() -> None:
    assert from_options(Options, {}, "model") == Options()
    assert {f.name for f in fields(Options)} == set(asdict(from_options(Options, {}, "model")))

"""The search space as a file: what it may say, and one clear line for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.errors import ConfigError
from rexp.plugins.conf_dirs import conf_dir
from rexp.tune.distributions import Choice, Range, dimension
from rexp.tune.search_space import find, read_space

SHIPPED = conf_dir() / "tune"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_space_can_be_read(file: Path) -> None:
    assert read_space(find(file.stem, SHIPPED)).dimensions


def test_values_of_all_kinds() -> None:
    assert dimension("loss", {"choice": ["bpr", None, [64, 32], "12e4"]}) == Choice(
        "loss", ("bpr", "null", "[64,32]", "'12e4'")
    )
    whole = dimension("model.factors", {"int": [8, 32], "step": 8})
    assert whole == Range("model.factors", "int", 8, 32, 8, log=False)
    assert [whole.text(value) for value in whole.values()] == ["8", "16", "24", "32"]
    # What YAML 1.1 takes for text is a number all the same.
    assert dimension("train.lr", {"float": ["1e-4", 0.1], "log": True}) == Range(
        "train.lr", "float", 1e-4, 0.1, None, log=True
    )


def test_a_grid_has_every_combination(tmp_path: Path) -> None:
    text = "sampler: {name: grid}\nspace: {a: {choice: [1, x]}, b: {int: [0, 4], step: 2}}\n"
    space = read_space(written(tmp_path, text))
    assert [space.overrides(values) for values in space.grid()] == [
        [f"a={a}", f"b={b}"] for a in ("1", "x") for b in (0, 2, 4)
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("space: {}", "space is empty"),
        ("trials: 3", "space must be given"),
        ("[1]", "a search space is a mapping"),
        ("space: {a", "is no YAML"),
        ("spce: {}", "did you mean 'space'"),
        ("space: {model.factors: 3}", "space.model.factors: give one of"),
        ("space: {model.factors: {int: [1, 2], float: [1, 2]}}", "give one of"),
        ("space: {model.factors: {int: [1, 2.5]}}", "2.5 is no whole number"),
        ("space: {model.factors: {int: [9, 2]}}", "9 is above 2"),
        ("space: {model.factors: {int: [1, 2, 3]}}", "two bounds are wanted"),
        ("space: {model.factors: {int: [1, 8], step: 3}}", "do not meet 8"),
        ("space: {model.factors: {int: [1, 8], setp: 3}}", "did you mean 'step'"),
        ("space: {train.lr: {float: [0, 1], log: true}}", "begins above 0"),
        ("space: {train.lr: {float: [a, 1]}}", "'a' is no number"),
        ("space: {loss: {choice: bpr}}", "a list of values is wanted"),
        ("space: {loss: {choice: [bpr, bpr]}}", "names a value twice"),
        ("space: {train.validate_on: {choice: [valid, test]}}", "is judged on the validation part"),
        ("space: {model.fit.select_on_test: {choice: [true, false]}}", "is judged on the validation part"),
        ("space: {evaluate.k: {choice: [[5], [10]]}}", "must be the same for all trials"),
        ("space: {seed: {int: [0, 9]}}", "must be the same for all trials"),
        ("space: {data/split: {choice: [ratio]}}", "must be the same for all trials"),
        ("space: {teacher.factors: {int: [1, 2]}}", "tune it by itself"),
        ("space: {model@teacher: {choice: [mf, ncf]}}", "tune it by itself"),
        ("space: {'train lr': {int: [1, 2]}}", "is no key"),
        ("{sampler: {name: best}, space: {a: {int: [1, 2]}}}", "sampler.name='best' is not allowed"),
        ("{sampler: {name: grid}, space: {a: {float: [1, 2]}}}", "a grid needs a choice, or a step"),
        ("{prune: {after_trials: 0}, space: {a: {int: [1, 2]}}}", "after_trials must be at least 1"),
    ],
)
def test_what_a_space_may_not_say_is_told_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_space(written(tmp_path, text + "\n"))
    assert complaint in str(caught.value)
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_space_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'mf_bpr'"):
        find("mf_bqr", SHIPPED)

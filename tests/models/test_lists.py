"""Lists from a file: what is read, what is refused, and what they score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from rexp.api import Capability, Query
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.errors import ConfigError, DataError
from rexp.models.lists import Lists, ListsConfig

ALL = torch.arange(3)


def split_of(n_users: int = 3, n_items: int = 4) -> Split:
    """Users 0, 1, 2 and items 0 to 3, whose own ids are these numbers."""
    train = Interactions(np.zeros(1, np.int32), np.zeros(1, np.int32))
    nothing = train.take(np.zeros(1, bool))
    return Split("small", train, nothing, nothing, n_users, n_items, fingerprint="small")


def read(path: Path, rows: dict[str, list[object]]) -> Lists:
    pl.DataFrame(rows).write_parquet(path)
    return fitted(path)


def fitted(path: Path) -> Lists:
    model = Lists(ListsConfig(str(path)), split_of().spec)
    model.fit(split_of(), torch.Generator())
    return model.eval()


def test_pairs_of_the_file_have_its_scores_and_others_none(tmp_path: Path) -> None:
    # Rows in no order, a score of 0, one below 0, and a column that nobody asks for.
    rows = {"user": [2, 0, 0], "rank": [1, 2, 1], "item": [3, 1, 2], "score": [-1.5, 0.0, 0.25]}
    model = read(tmp_path / "lists.parquet", rows)
    no = -torch.inf
    expected = torch.tensor([[no, 0.0, 0.25, no], [no, no, no, no], [no, no, no, -1.5]])
    assert torch.equal(model.score_all(Query(ALL)), expected)
    assert torch.equal(model.score_all(Query(torch.tensor([2, 0, 2]))), expected[[2, 0, 2]])
    assert torch.equal(model.score(Query(torch.tensor([0, 2])), torch.tensor([1, 3])), torch.tensor([0.0, -1.5]))
    pairs = torch.tensor([[2, 2], [0, 1], [0, 3]])
    assert torch.equal(model.score(Query(ALL), pairs), expected.gather(1, pairs))
    assert model.score(Query(ALL[:0]), pairs[:0]).shape == (0, 2)
    assert Capability.LISTS_ONLY in model.capabilities()


def test_a_stored_model_needs_no_file(tmp_path: Path) -> None:
    model = read(tmp_path / "lists.parquet", {"user": [0, 1], "item": [3, 0], "score": [1.0, 2.0]})
    (tmp_path / "lists.parquet").unlink()
    other = Lists(ListsConfig("gone.parquet"), split_of().spec)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.score_all(Query(ALL)), model.score_all(Query(ALL)))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_ids_take_the_form_that_the_data_gives_them(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"lists{ending}"
    if ending == ".csv":
        path.write_text("item,user,score\n 3 ,0.0,0.5\n1,2,1e-3\n")
    else:
        pl.DataFrame({"item": [" 3 ", "1"], "user": [0.0, 2.0], "score": [0.5, 0.001]}).write_parquet(path)
    scores = fitted(path).score_all(Query(ALL))
    assert scores.isfinite().nonzero().tolist() == [[0, 3], [2, 1]]
    assert scores[2, 1] == pytest.approx(0.001)


def test_what_the_data_does_not_have_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: dict[str, list[object]] = {"user": [0, 0, 7], "item": [1, 9, 1], "score": [1.0, 2.0, 3.0]}
    model = read(tmp_path / "world.parquet", rows)
    assert model.score_all(Query(ALL)).isfinite().nonzero().tolist() == [[0, 1]]
    said = capsys.readouterr().err
    assert "2 of 3 scores are of users or items that the data does not have; left out" in said
    assert "2 of 3 users have no list, and are taught nothing" in said


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"user": [0], "item": [1]}, "has no column score; a file of scores has user, item and score"),
        ({"user": [0, 0], "item": [1, 2], "score": [1.0, float("nan")]}, "line 2: the score is no finite number"),
        ({"user": [0, 0], "item": [1, 2], "score": ["1", "many"]}, "line 2: the score is no finite number"),
        ({"user": [0, None], "item": [1, 2], "score": [1.0, 2.0]}, "line 2: the user is empty (1 such rows)"),
        ({"user": [0, 1, 0], "item": [1, 1, 1], "score": [1.0, 1.0, 2.0]}, "line 3: user 0 and item 1 have a score"),
        ({"user": [8], "item": [1], "score": [1.0]}, "'small' has none of its users (the file has [8], the data [0])"),
        ({"user": [0], "item": ["a"], "score": [1.0]}, "has none of its items (the file has ['a'], the data [0])"),
    ],
)
def test_a_file_that_cannot_be_meant_is_one_line(rows: dict[str, list[object]], said: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, DataError)) as error:
        read(tmp_path / "lists.parquet", rows)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.parquet is missing: no such file"):
        fitted(tmp_path / "nowhere.parquet")

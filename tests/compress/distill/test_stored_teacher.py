"""What a stored teacher keeps is believed only as it was written, and only of the same teacher and code."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from rexp.api import Requirement
from rexp.compress.distill.ensemble import Ensemble
from rexp.compress.distill.stored_teacher import StoredTeacher, weights_hash
from rexp.errors import ConfigError
from rexp.models.lists import Lists, ListsConfig
from rexp.plugins import registry

from .helpers import mf, split_of

SPLIT = split_of()
ASKED: dict[str, Callable[[StoredTeacher], Tensor]] = {
    "best-5-items": lambda teacher: teacher.top_items(5),
    "best-5-scores": lambda teacher: teacher.top_scores(5),
    "user_embeddings": lambda teacher: teacher.user_embeddings(torch.arange(SPLIT.n_users)),
    "item_embeddings": lambda teacher: teacher.item_embeddings(torch.arange(SPLIT.n_items)),
}


def teacher(folder: Path, seed: int = 1, code: str = "1") -> StoredTeacher:
    return StoredTeacher(mf(SPLIT, 4, seed), SPLIT, folder, {"rexp-recsys": code})


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("ending", [".npy", ".npy.json"])
@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "gone"])
def test_damage_is_noticed_and_mended(
    name: str, ending: str, damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = ASKED[name](teacher(tmp_path)).clone()
    file = tmp_path / f"{name}{ending}"
    whole = file.read_bytes()
    place = random.Random(0).randrange(len(whole))
    broken = {"emptied": b"", "truncated": whole[: len(whole) // 2]}
    flipped = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
    file.write_bytes(broken.get(damage, flipped))
    if damage == "gone":
        file.unlink()
    assert torch.equal(ASKED[name](teacher(tmp_path)), right)
    said = capsys.readouterr().err
    assert ("is made again" in said) == ((damage, ending) != ("gone", ".npy"))
    assert torch.equal(ASKED[name](teacher(tmp_path)), right)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seed", "code"), [(2, "1"), (1, "2")], ids=["other weights", "other code"])
def test_another_teacher_in_the_same_folder_is_asked_anew(seed: int, code: str, tmp_path: Path) -> None:
    first = teacher(tmp_path).top_items(5).clone()
    assert np.load(tmp_path / "best-5-items.npy").tolist() == first.tolist()
    changed = (tmp_path / "best-5-items.npy.json").read_bytes()
    expected = teacher(tmp_path / "apart", seed, code).top_items(5)
    assert torch.equal(teacher(tmp_path, seed, code).top_items(5), expected)
    assert (tmp_path / "best-5-items.npy.json").read_bytes() != changed


def test_lists_of_cold_items(tmp_path: Path) -> None:
    train = SPLIT.train.take(SPLIT.train.items % 3 > 0)
    split, model = replace(SPLIT, train=train), mf(SPLIT, 4, 1)
    asked = StoredTeacher(model, split, tmp_path)
    scores = asked.score_all(torch.arange(split.n_users))
    cold = np.flatnonzero(split.train_users_per_item == 0)
    assert len(cold) >= 4
    best = scores[:, cold].topk(3)
    assert asked.top_items(3, catalogue="cold").tolist() == torch.from_numpy(cold)[best.indices].tolist()
    assert torch.allclose(asked.top_scores(3, catalogue="cold"), best.values)
    everything = asked.top_items(split.n_items, hide_train=False, catalogue="all")
    assert everything.sort(1).values.tolist() == [list(range(split.n_items))] * split.n_users
    assert not np.isin(asked.top_items(3).numpy(), cold).any()  # as before, and kept apart from the others


def test_the_hash_knows_values_names_and_shares() -> None:
    one, same, other = mf(SPLIT, 4, 1), mf(SPLIT, 4, 1), mf(SPLIT, 4, 2)
    assert weights_hash(one) == weights_hash(same) != weights_hash(other)
    assert weights_hash(Ensemble([one, other], [0.5, 0.5])) != weights_hash(Ensemble([one, other], [0.4, 0.6]))


def test_a_teacher_of_lists_answers_from_them(tmp_path: Path) -> None:
    model = Lists(ListsConfig("of another time.parquet"), SPLIT.spec)
    scores = np.zeros((SPLIT.n_users, SPLIT.n_items), np.float32)
    taken = SPLIT.user_items(["train"])[1][:5]  # of user 0
    first, second = np.setdiff1d(np.flatnonzero(SPLIT.in_catalogue("train")), taken)[:2].tolist()
    scores[0, [first, second, taken[0]]] = -2.0, 0.5, 9.0
    model.lists.assign(csr_array(scores))
    teacher = StoredTeacher(model, SPLIT, tmp_path)
    assert teacher.top_items(3)[0].tolist() == [second, first, -1]
    assert teacher.top_items(3)[1:].unique().tolist() == [-1]
    assert teacher.top_scores(4, hide_train=False)[0].tolist() == [9.0, 0.5, -2.0, -np.inf]
    assert teacher.score_all(torch.tensor([1])).isneginf().all()
    assert teacher.scores(torch.tensor([0, 0]), torch.tensor([first, second])).tolist() == [-2.0, 0.5]
    with pytest.raises(ConfigError, match="a pair that is in none of its lists"):
        teacher.scores(torch.tensor([0, 1]), torch.tensor([first, second]))


def test_stages_that_ask_for_any_pair_say_so() -> None:
    asks = {"kd": [{"mode": "pointwise"}, {"random": 5}, {"ranked_by": "student"}], "cd": [{}], "svd_of_teacher": [{}]}
    reads = {"kd": [{}], **{name: [{}] for name in ("rrd", "irrrd", "rd", "hard_labels", "unkd", "dcd")}}
    for stages, wanted in ((asks, True), (reads, False)):
        for name, options in stages.items():
            for given in options:
                stage = registry.load("stage", name)
                assert (Requirement.PAIRS in stage(stage.Config(**given)).needs) == wanted, (name, given)

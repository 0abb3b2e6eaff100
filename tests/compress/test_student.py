"""The student as stages see it, against the model itself."""

from __future__ import annotations

import pytest
import torch

from rexp.api import Query
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.compress.student import Student
from rexp.errors import ConfigError
from rexp.models.pop import Popularity, PopularityConfig

from .distill.helpers import mf, split_of

SPLIT = split_of(n_users=23, n_items=41)
EVERYONE = torch.arange(23)


def test_it_answers_as_the_model_is_at_the_moment() -> None:
    model = mf(SPLIT, 4, 0).train()
    student, items = Student(model, SPLIT), torch.randint(41, (23, 5))
    before = student.score_all(EVERYONE)
    with torch.no_grad():
        model.users.weight.mul_(-2)
    torch.testing.assert_close(student.score_all(EVERYONE), model.score_all(Query(EVERYONE)).detach())
    assert not torch.allclose(student.score_all(EVERYONE), before)
    torch.testing.assert_close(student.scores(EVERYONE, items), model.score(Query(EVERYONE), items).detach())
    torch.testing.assert_close(student.scores(EVERYONE, items[:, 0]), student.scores(EVERYONE, items)[:, 0])
    torch.testing.assert_close(
        student.user_embeddings(EVERYONE[3:9]), model.user_embeddings(Query(EVERYONE[3:9])).detach()
    )
    torch.testing.assert_close(student.item_embeddings(items[0]), model.item_embeddings()[items[0]].detach())
    assert model.training
    assert not student.score_all(EVERYONE).requires_grad


def test_items_of_the_training_part_are_hidden_unless_asked_for() -> None:
    model = mf(SPLIT, 4, 1)
    student, scores = Student(model, SPLIT), model.score_all(Query(EVERYONE)).detach()
    ordered = scores.argsort(dim=1, descending=True)
    assert torch.equal(student.top_items(41, hide_train=False), ordered.int())
    for user, found in enumerate(student.top_items(41).tolist()):
        taken = set(SPLIT.train.items[SPLIT.train.users == user].tolist())
        left = [item for item in ordered[user].tolist() if item not in taken]
        assert found == left + [-1] * len(taken)
    blocks = [scores for _, scores in student.catalog(5 * 4 * 41, hide_train=False)]
    torch.testing.assert_close(torch.cat(blocks), scores)


def test_a_teacher_shows_all_items_too(tmp_path: object) -> None:
    teacher = StoredTeacher(mf(SPLIT, 4, 1), SPLIT, tmp_path)  # type: ignore[arg-type]
    known = torch.from_numpy(SPLIT.train_users_per_item > 0)
    scores = teacher.score_all(EVERYONE).masked_fill(~known, -torch.inf)
    best = scores.topk(5, dim=1)
    assert torch.equal(teacher.top_items(5, hide_train=False), best.indices.int())
    torch.testing.assert_close(teacher.top_scores(5, hide_train=False), best.values)
    assert not torch.equal(teacher.top_items(5), best.indices.int())


def test_a_model_without_vectors_says_so_and_one_without_parameters_is_asked_all_the_same() -> None:
    model = Popularity(PopularityConfig(), SPLIT.spec)
    model.fit(SPLIT, torch.Generator())
    student = Student(model, SPLIT)
    with pytest.raises(ConfigError, match=r"the student \(Popularity\) has no vectors"):
        student.user_embeddings(EVERYONE)
    assert torch.equal(student.score_all(EVERYONE), model.score_all(Query(EVERYONE)))

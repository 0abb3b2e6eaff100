"""The best factors of a teacher's scores, against NumPy's exact decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rexp.api import Query, StageContext
from rexp.compress.distill._score_svd import ScoreMatrix, truncated_svd
from rexp.compress.distill.svd_of_teacher import SVDOfTeacher, SVDOfTeacherConfig
from rexp.errors import ConfigError
from rexp.models.mf import MF, MFConfig
from rexp.models.ncf import NCF, NCFConfig

from .helpers import Teacher, mf, split_of

SPLIT = split_of(n_users=40, n_items=30, taken=6)
TEACHER = Teacher(mf(SPLIT, 12, seed=1), SPLIT)
EVERYONE = torch.arange(SPLIT.n_users)
KNOWN = SPLIT.train_users_per_item > 0


def factorized(student: nn.Module, **options: Any) -> Tensor:
    """The student's scores after the stage."""
    context = StageContext(SPLIT, torch.Generator().manual_seed(3), TEACHER)
    SVDOfTeacher(SVDOfTeacherConfig(**options)).apply(student, context)
    with torch.no_grad():
        scores: Tensor = student.score_all(Query(EVERYONE))  # type: ignore[operator]
    return scores


def nearest(matrix: np.ndarray, rank: int) -> Tensor:
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return torch.from_numpy((left[:, :rank] * values[:rank] @ right[:rank]).astype(np.float32))


def wanted(standardise: str, seen: str) -> np.ndarray:
    """The matrix that is factorized, user by user."""
    rows = []
    for user, scores in enumerate(TEACHER.score_all(EVERYONE).numpy().astype(np.float64)):
        mine = np.isin(np.arange(SPLIT.n_items), SPLIT.train.items[SPLIT.train.users == user])
        others = scores[KNOWN & ~mine] if seen == "mean" else scores[KNOWN]
        row = np.where(mine, others.mean(), scores) if seen == "mean" else scores
        if standardise == "full":
            row = row - others.mean()
        if standardise != "none":
            row = row / others.std()
        rows.append(np.where(KNOWN, row, 0))
    return np.array(rows)


def test_singular_values_and_vectors_are_those_of_the_matrix() -> None:
    # Values that fall by a fifth: twelve powers leave what is beyond the directions far below float32.
    random = np.random.default_rng(0)
    left, right = (np.linalg.qr(random.normal(size=(n, 20)))[0] for n in (50, 30))
    dense = torch.from_numpy((left * 0.8 ** np.arange(20) @ right.T).astype(np.float32))
    asked = []

    def rows(users: Tensor) -> Tensor:
        asked.append(users)
        return dense[users]

    found = []
    for max_bytes in (2**20, 0):
        matrix = ScoreMatrix(50, 30, rows, max_bytes)
        generator = torch.Generator().manual_seed(0)
        found.append(truncated_svd(matrix, 5, iterations=12, oversampling=4, generator=generator))
    assert len(asked) == 1 + 13, "kept; or made anew in each iteration, and once in the end"
    for kept, anew in zip(*found, strict=True):
        assert torch.equal(kept, anew)
    u, values, v = found[0]
    torch.testing.assert_close(values, torch.from_numpy(0.8 ** np.arange(5)).float(), rtol=1e-4, atol=0)
    torch.testing.assert_close((u * values) @ v.T, nearest(dense.numpy(), 5), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(u.T @ u, torch.eye(5), rtol=0, atol=1e-5)


@pytest.mark.parametrize("standardise", ["none", "scale", "full"])
@pytest.mark.parametrize("seen", ["teacher", "mean"])
def test_a_student_scores_as_the_nearest_matrix_of_its_rank(standardise: str, seen: str) -> None:
    torch.manual_seed(0)
    biased = MF(MFConfig(factors=4, user_bias=True, item_bias=True, global_bias=True), SPLIT.spec)
    with torch.no_grad():
        for parameter in biased.parameters():
            parameter.add_(1.0)
    options = {"standardise": standardise, "seen": seen, "iterations": 40, "factor": 2.0}
    scores = factorized(biased, **options)
    torch.testing.assert_close(scores, 2 * nearest(wanted(standardise, seen), 4), rtol=1e-3, atol=1e-3)


def test_singular_values_are_shared_between_the_sides() -> None:
    even, all_to_users = mf(SPLIT, 4, seed=0), mf(SPLIT, 4, seed=0)
    torch.testing.assert_close(factorized(even), factorized(all_to_users, user_share=1.0), rtol=1e-4, atol=1e-4)
    gram = all_to_users.items.rows().T @ all_to_users.items.rows()
    torch.testing.assert_close(gram.detach(), torch.eye(4), rtol=0, atol=1e-5)
    users, items = even.users.rows().detach(), even.items.rows().detach()
    torch.testing.assert_close(users.T @ users, items.T @ items, rtol=1e-4, atol=1e-4)


def test_a_weighted_dot_product_without_its_weights_and_a_student_wider_than_the_matrix() -> None:
    torch.manual_seed(0)
    student = NCF(NCFConfig(variant="gmf", factors=50), SPLIT.spec)
    scores = factorized(student, standardise="none", iterations=2)
    torch.testing.assert_close(scores[:, KNOWN], TEACHER.score_all(EVERYONE)[:, KNOWN], rtol=1e-3, atol=1e-3)


def test_options_that_mean_nothing() -> None:
    for options in ({"iterations": 0}, {"user_share": 1.5}, {"factor": 0.0}, {"oversampling": -1}, {"max_bytes": -1}):
        with pytest.raises(ValueError, match=next(iter(options))):
            SVDOfTeacherConfig(**options)  # type: ignore[arg-type]
    student = mf(SPLIT, 4, seed=0)
    student.users = nn.Embedding(SPLIT.n_users, 4)  # type: ignore[assignment]
    student.coupled_parameters = lambda: MF.coupled_parameters(mf(SPLIT, 4, seed=0))  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="'users' is a Embedding by then"):
        factorized(student)

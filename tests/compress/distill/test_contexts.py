"""Teachers and students that read contexts: those of the batch, and else each user's latest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rexp.api import Batch, Capability, FeatureSpec, Query, StageContext
from rexp.compress.distill.ensemble import Ensemble
from rexp.compress.distill.kd import KD, KDConfig
from rexp.compress.distill.stored_teacher import StoredTeacher
from rexp.compress.student import Student
from rexp.errors import ConfigError
from rexp.export.scorer import scorer_for
from rexp.train.stage_hooks import queries_of

from .helpers import OneStep, mf, split_of

if TYPE_CHECKING:
    from rexp.data.split import Split

SKY = "context.sky"


def split_in_context() -> Split:
    split = split_of()
    sky = 1 + (split.train.users.astype(np.int64) + np.arange(len(split.train))) % 3
    return replace(
        split,
        train=replace(split.train, context={SKY: sky}),
        feature_specs={SKY: FeatureSpec("context", "category", 4)},
    )


SPLIT = split_in_context()
LATEST = torch.as_tensor(SPLIT.train.latest_context(SPLIT.n_users)[SKY])


class BySky(nn.Module):
    """Vectors of users that depend on the sky; a dot product, or only scores."""

    def __init__(self, *capabilities: Capability) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.sky = nn.Parameter(torch.randn(4, 5, generator=generator))
        self.items = nn.Parameter(torch.randn(SPLIT.n_items, 5, generator=generator))
        self.can = frozenset({Capability.READS_CONTEXT, *capabilities})

    def capabilities(self) -> frozenset[Capability]:
        return self.can

    def user_embeddings(self, query: Query) -> Tensor:
        return self.sky[query.features[SKY]]

    def item_embeddings(self) -> Tensor:
        return self.items

    def score(self, query: Query, items: Tensor) -> Tensor:
        users = self.user_embeddings(query)
        return (self.items[items] * (users if items.dim() == 1 else users.unsqueeze(1))).sum(-1)


DOT = (Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT)
USERS = torch.tensor([3, 0, 3])
ITEMS = torch.tensor([[1, 2], [3, 4], [5, 6]])
GIVEN = {SKY: torch.tensor([1, 2, 3])}


def close(found: Tensor, wanted: Tensor) -> bool:
    return torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("capabilities", [(), DOT])
def test_a_teacher_scores_in_the_given_context_or_the_latest(
    capabilities: tuple[Capability, ...], tmp_path: Path
) -> None:
    model = BySky(*capabilities)
    with torch.no_grad():
        given, latest = (model.score(Query(USERS, None, {SKY: sky}), ITEMS) for sky in (GIVEN[SKY], LATEST[USERS]))
    for view in (StoredTeacher(model, SPLIT, tmp_path), Student(model, SPLIT)):  # type: ignore[arg-type]
        assert close(view.scores(USERS, ITEMS, GIVEN), given)
        assert close(view.scores(USERS, ITEMS[:, 0], GIVEN), given[:, 0])
        assert close(view.scores(USERS, ITEMS), latest)
        assert close(view.score_all(USERS), model.sky[LATEST[USERS]] @ model.items.T)
    assert not close(given, latest)


def test_lists_of_a_teacher_are_those_of_the_latest_context(tmp_path: Path) -> None:
    model = BySky()
    lists = StoredTeacher(model, SPLIT, tmp_path).top_items(3, hide_train=False)
    wanted = (model.sky[LATEST] @ model.items.T).topk(3).indices
    assert torch.equal(lists.long(), wanted)


def test_soft_targets_of_a_batch_are_those_in_its_contexts(tmp_path: Path) -> None:
    """A student that reads no context learns what its teacher thinks of every row in the row's own context."""
    teacher, student = BySky(), mf(SPLIT, 4, 1)
    config = KDConfig(mode="pointwise", temperature=1, scale="none", weight=1)
    context = StageContext(SPLIT, torch.Generator(), StoredTeacher(teacher, SPLIT, tmp_path))
    batch = Batch(Query(USERS, None, GIVEN), ITEMS)
    step = OneStep(student, batch)
    found = KD(config).attach(student, context).loss(step)["kd"]
    wanted = teacher.score(batch.query, ITEMS).sigmoid()
    losses = nn.functional.binary_cross_entropy_with_logits(step.scores, wanted, reduction="sum")
    assert found.item() == pytest.approx(losses.item(), rel=1e-5)


def test_a_row_that_comes_again_is_scored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of click logs are known by their place, as negatives are not."""
    teacher = StoredTeacher(BySky(), SPLIT, tmp_path)
    context = StageContext(SPLIT, torch.Generator(), teacher)
    asked: list[int] = []
    scores = teacher.scores

    def counting(users: Tensor, items: Tensor, features: Any = None) -> Tensor:
        asked.append(len(users))
        return scores(users, items, features)

    monkeypatch.setattr(teacher, "scores", counting)
    config = KDConfig(mode="pointwise", temperature=1, scale="none", weight=1)
    attached = KD(config).attach(mf(SPLIT, 4, 1), context)

    def cost(places: list[int], rows: list[int] | None) -> float:
        chosen = torch.tensor(places)
        query = Query(USERS[chosen], None, {SKY: GIVEN[SKY][chosen]})
        batch = Batch(query, ITEMS[chosen, 0], rows=None if rows is None else torch.tensor(rows))
        return attached.loss(OneStep(mf(SPLIT, 4, 1), batch))["kd"].item()

    first, second = cost([0, 1], None), cost([1, 2], None)
    assert asked == [2, 2]
    assert cost([0, 1], [7, 3]) == first  # new
    assert cost([1, 0], [3, 7]) == pytest.approx(first)  # both known
    assert cost([1, 2], [3, 0]) == pytest.approx(second)  # one of two is new
    assert cost([2, 1], [0, 3]) == pytest.approx(second)
    assert asked == [2, 2, 2, 2]


def test_a_student_is_asked_outside_its_batch_in_the_latest_context() -> None:
    query = queries_of(BySky(), SPLIT)(USERS)  # type: ignore[arg-type]
    assert torch.equal(query.features[SKY], LATEST[USERS])
    assert queries_of(mf(SPLIT, 4, 1), SPLIT)(USERS).features == {}


def test_an_ensemble_reads_contexts_if_a_member_does() -> None:
    both = Ensemble([BySky(), mf(SPLIT, 4, 1)], [0.5, 0.5])  # type: ignore[list-item]
    assert Capability.READS_CONTEXT in both.capabilities()
    query = Query(USERS, None, GIVEN)
    assert close(both.score(query, ITEMS), torch.stack([0.5 * m.score(query, ITEMS) for m in both.members]).sum(0))


def test_an_export_of_a_model_that_reads_contexts_is_refused() -> None:
    with pytest.raises(ConfigError, match="model=sky reads the context of a request"):
        scorer_for(BySky(), SPLIT, "sky")

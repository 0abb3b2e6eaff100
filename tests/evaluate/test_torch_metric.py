"""Ranking metrics as torchmetrics: the evaluator's bits, in one process and in two."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rexp.errors import ConfigError, RunError
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.torch_metric import as_torchmetric
from tests.evaluate.helpers import context, fixed, lists_of, random_split

NAMES = ("ndcg", "recall", "recall_capped", "precision", "hr", "mrr", "map", "ap_trec")
N_USERS, N_ITEMS = 301, 40


def drawn(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Scores with ties, relevant items (of some users none), and users in no order."""
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 30, (N_USERS, N_ITEMS), generator=draw).float()
    target = torch.rand(N_USERS, N_ITEMS, generator=draw) < 0.05
    return scores, target, torch.randperm(N_USERS, generator=draw)


def test_the_values_are_the_evaluators() -> None:
    split = random_split()
    table = torch.randint(0, 9, (split.n_users, split.n_items), generator=torch.Generator().manual_seed(1)).float()
    found = evaluate(fixed(table), split, EvaluateConfig(metrics=list(NAMES), k=[3, 10]))
    scores, target = table.clone(), torch.zeros(table.shape, dtype=torch.bool)
    for part in (split.train, split.valid):
        scores[part.users.astype("int64"), part.items.astype("int64")] = -math.inf
    scores[:, torch.from_numpy(split.train_users_per_item == 0)] = -math.inf
    target[split.test.users.astype("int64"), split.test.items.astype("int64")] = True
    for k in (3, 10):
        for name in NAMES:
            metric = as_torchmetric(name, k)
            for users in torch.arange(split.n_users).flip(0).split(7):
                metric.update(scores[users], target[users], users)
            assert metric.compute().item() == found.metrics[f"{name}@{k}"], name


def test_a_mean_by_hand() -> None:
    metric = as_torchmetric("ndcg", 3)
    assert metric.higher_is_better
    scores, target = torch.tensor([[0.1, 0.9, 0.5], [1.0, 1.0, 0.0]]), torch.tensor([[0, 0, 1], [0, 1, 0]])
    metric.update(scores, target, torch.tensor([4, 2]))
    assert metric.compute().item() == pytest.approx(1 / math.log2(3))  # hits at rank 2: of equal scores item 0 is first
    metric.reset()
    metric.update(lists_of([[1, 0, 0]], [1]))
    assert metric.compute().item() == 1
    metric.update(lists_of([[1, 0, 0]], [1]))  # the same user again
    assert metric.compute().item() == 1


def test_forward_gives_the_blocks_own_value() -> None:
    metric = as_torchmetric("hr", 1)
    assert metric(lists_of([[1]], [1])).item() == 1
    scores, target = torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 0]])
    assert metric(scores, target, torch.tensor([9])).item() == 0
    assert metric.compute().item() == 0.5


@pytest.mark.parametrize(
    ("name", "k", "error"),
    [("coverage", 10, "no value a user"), ("auc", 10, "no value a user"), ("ndgc", 10, "did you mean 'ndcg'"),
     ("ndcg", 0, "at least 1"), ("ild", 10, "item features")],
)  # fmt: skip
def test_what_is_no_such_metric(name: str, k: int, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        as_torchmetric(name, k)


def test_diversity_needs_the_context() -> None:
    features = torch.eye(10)
    metric = as_torchmetric("ild", 2, context=context(features=features))
    metric.update(lists_of([[1, 0]], [1]))
    assert metric.compute().item() == 1


def test_scores_come_with_targets_and_without_nan() -> None:
    metric = as_torchmetric("ndcg")
    with pytest.raises(ConfigError, match="target"):
        metric.update(torch.ones(1, 2))
    with pytest.raises(RunError, match="NaN"):
        metric.update(torch.full((1, 2), math.nan), torch.ones(1, 2), torch.zeros(1))


def measured(rows: Tensor) -> list[float]:
    """Every metric of some rows, and of other processes' rows where there are any."""
    scores, target, users = drawn()
    found = []
    for name in NAMES:
        metric = as_torchmetric(name, 5).to("cpu")
        for some in rows.split(50):
            metric.update(scores[some], target[some], users[some])
        found.append(metric.compute().item())
    return found


def in_process(rank: int, shares: list[Tensor], folder: str) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=len(shares))
    try:
        torch.save(torch.tensor(measured(shares[rank]), dtype=torch.float64), Path(folder) / f"{rank}.pt")
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["interleaved", "uneven", "repeated", "one has none"])
@pytest.mark.filterwarnings("ignore:.*before the ``update`` method")
def test_two_processes_give_the_bits_of_one(case: str, tmp_path: Path) -> None:
    rows = torch.arange(N_USERS)
    shares = {
        "interleaved": [rows[::2], rows[1::2]],
        "uneven": [rows[:7], rows[7:]],
        "repeated": [rows[:200], rows[150:]],
        "one has none": [rows, rows[:0]],
    }[case]
    torch.multiprocessing.spawn(in_process, (shares, str(tmp_path)), nprocs=2)
    alone = measured(rows)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt", weights_only=True).tolist() == alone

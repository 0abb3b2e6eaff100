"""Full ranking and metrics on lists."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from _bench.ours import plugin
from rexp.api import MetricContext, TopKLists
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator

if TYPE_CHECKING:
    from rexp.data.split import Split

METRICS = ("recall", "precision", "hr", "ndcg", "map", "mrr")


def full_ranking(split: Split, rounds: int) -> None:
    """Print users per second of the whole evaluation, metrics included, for NeuMF and for a dot product."""
    print(f"\nfull ranking of {split.n_users:,} x {split.n_items:,}, six metrics, 1 thread, median of {rounds}")
    evaluator = Evaluator(split, EvaluateConfig(protocol="full", metrics=list(METRICS)), "test")
    for name, options in (("ncf", {"variant": "neumf"}), ("ncf", {"variant": "gmf"}), ("mf", {})):
        model = plugin("model", name, split.spec, **options)
        evaluator(model)
        seconds = statistics.median(evaluator(model).seconds for _ in range(rounds))
        title = " ".join([name, *options.values()])
        print(f"  {title:10} {len(np.unique(split.test.users)) / seconds:10,.0f} users/s  {seconds:.3f} s", flush=True)


def metric_time(rounds: int) -> None:
    """Print the time of six metrics on given lists."""
    users, items, k = 6040, 3706, 10
    generator = torch.Generator().manual_seed(0)
    hits = torch.rand(users, k, generator=generator) < 0.1
    listed = torch.randint(items, (users, k), generator=generator)
    lists = TopKLists(torch.arange(users), listed, hits, hits.sum(1).clamp(min=1))
    context = MetricContext(users, torch.arange(items), torch.ones(items, dtype=torch.int64))
    metrics = [plugin("metric", name, context) for name in METRICS]
    seconds = []
    for _ in range(rounds * 5):
        started = time.perf_counter()
        for metric in metrics:
            metric.per_user(lists, k)
        seconds.append(time.perf_counter() - started)
    print(f"\nsix metrics of {users:,} lists of {k}: {1e3 * statistics.median(seconds):.2f} ms")

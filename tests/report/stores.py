"""A small store of made-up runs that allows every picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

SEEDS = (0, 1)
EVIL = '</script><script>document.title = "owned"</script><img src=x onerror=\'document.title = "owned"\'>'
"""A name that would do harm if it were read as markup."""


def make_store(root: Path) -> Path:
    """Two protocols on one data set.

    Under ``full``: ``mf`` of three sizes without a teacher, of one with, ``big`` that taught it, and a model with an
    evil name. Under ``two_stage``: ``mf`` behind an index with 20, 50 and 100 candidates.
    """
    for seed in SEEDS:
        for factors in (4, 8, 16):
            add_run(root, f"{factors:x}a{seed}", seed, "mf", factors, 0.02 * factors + 0.001 * seed)
        add_run(root, f"5a{seed}", seed, "mf", 4, 0.10 + 0.001 * seed, teacher="7a0", compress="kd")
        for n in (20, 50, 100):
            add_run(
                root, f"9a{n}{seed}", seed, "mf", 16, 0.001 * n, retriever={"name": "hnsw", "n_candidates": n},
                protocol="two_stage",
            )  # fmt: skip
    add_run(root, "7a0", 0, "big", 64, 0.5)
    add_run(root, "6a0", 0, EVIL, 2, 0.01, epochs=0)
    return root


def add_run(
    root: Path,
    run: str,
    seed: int,
    model: str,
    factors: int,
    ndcg: float,
    *,
    epochs: int = 3,
    teacher: str | None = None,
    compress: str = "none",
    protocol: str = "full",
    retriever: Mapping[str, Any] | None = None,
) -> None:
    """One finished run; its metric is ``ndcg``, a quarter of it in the first epoch."""
    end = "" if protocol == "full" else f"|{protocol}"
    order: list[Any] = [["fit", "distill"]] if teacher else ["fit"]
    found = {f"ndcg@10{end}": ndcg, f"gini@10{end}": 1 - ndcg}
    if retriever:
        found |= {"recall_ceiling@10|two_stage": 2 * ndcg, "index_recall|two_stage": 0.9}
    means = dict(zip(("cold", "cool", "warm"), (None, ndcg, 2 * ndcg), strict=True))
    by_bucket = {name: {"n_users": 3, "metrics": {"ndcg@10": mean}} for name, mean in means.items()}
    result = {
        "status": "done", "run_id": run, "seed": seed, "labels": {"model": model, "compress": compress},
        "config": {
            "seed": seed, "model": {"name": model, "factors": factors}, "fit": {"lr": 0.1}, "teacher": teacher,
            "compress": {"order": order}, "retriever": retriever,
        },
        "data": {"name": "toy", "fingerprint": "f00d"}, "metrics": found,
        "cost": {"weight_bytes": 1000 * factors, "fit_seconds": 2.5, "parameters": 250 * factors},
        "facts": {
            "protocol": protocol, "protocol_id": protocol, "mask": ["train"], "n_users_evaluated": 9,
            "by_popularity": {"most_users": [2, 5], **by_bucket},
        },
    }  # fmt: skip
    folder = root / run
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result))
    lines = [
        {"epoch": epoch, "train_loss": 1 / epoch, "samples_per_second": 5.0, "ndcg@10": ndcg * epoch / 4}
        for epoch in range(1, epochs + 1)
    ]
    if lines:
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    users = range(9)
    frame = {"user": users, "n_train": [user + 1 for user in users], f"ndcg@10{end}": [ndcg * user for user in users]}
    pl.DataFrame(frame).write_parquet(folder / "per_user.parquet")

"""Run by an interpreter that has one of the peers: the seconds of each whole epoch of its SASRec, as one line of JSON.

python sequence_children.py recbole|rectools|replay FOLDER EPOCHS    (FOLDER/rows.tsv: user, item, place, from 0 on)

All have vectors of 50, two blocks of one head, the latest 50 items, dropout .2, batches of 128 sequences, Adam and
binary cross-entropy with one negative beside each target; RecBole, which trains a sequence for each target, has its
BPR loss and its batches of 2,048.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

SIZE, BLOCKS, HEADS, LENGTH, DROPOUT, BATCH = 50, 2, 1, 50, 0.2, 128
RATE, BETAS = 1e-3, (0.9, 0.98)


def now() -> float:
    return time.process_time() if os.environ.get("REXP_BENCH_CLOCK") == "cpu" else time.perf_counter()


class Watch:
    """Times of an epoch's beginning and end, as Lightning's callbacks tell them."""

    def __init__(self, base: type) -> None:
        self.seconds: list[float] = []
        watch = self

        class Callback(base):  # type: ignore[misc, valid-type]
            def on_train_epoch_start(self, *_: Any) -> None:
                watch.started = now()

            def on_train_epoch_end(self, *_: Any) -> None:
                watch.seconds.append(now() - watch.started)

        self.callback = Callback()


def rectools(folder: Path, epochs: int) -> list[float]:
    """RecTools 0.19."""
    import pandas as pd
    from pytorch_lightning import Callback, Trainer
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    rows = pd.read_csv(folder / "rows.tsv", sep="\t")
    table = rows.rename(columns={"user": "user_id", "item": "item_id"}).assign(weight=1.0)
    table["datetime"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(table.pop("place"), unit="s")
    watch = Watch(Callback)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=[watch.callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    model = SASRecModel(
        n_factors=SIZE, n_blocks=BLOCKS, n_heads=HEADS, session_max_len=LENGTH, dropout_rate=DROPOUT, batch_size=BATCH,
        loss="BCE", n_negatives=1, lr=RATE, get_trainer_func=lambda: trainer,
    )  # fmt: skip
    model.fit(Dataset.construct(table))
    return watch.seconds


def replay(folder: Path, epochs: int) -> list[float]:
    """RePlay 0.22, by the classes that its documentation names for SASRec; a negative for each target is drawn as they
    are, uniformly, where its own transform draws some for the whole batch."""
    import lightning
    import polars as pl
    from replay.data import FeatureHint, FeatureSource, FeatureType
    from replay.data.nn import ParquetModule, TensorFeatureInfo, TensorFeatureSource, TensorSchema
    from replay.nn.lightning import LightningModule
    from replay.nn.lightning.optimizer import OptimizerFactory
    from replay.nn.loss import BCESampled
    from replay.nn.sequential import SasRec
    from replay.nn.transform.template import make_default_sasrec_transforms

    rows = pl.read_csv(folder / "rows.tsv", separator="\t").sort("user", "place")
    n_items = int(rows["item"].max()) + 1  # type: ignore[arg-type]
    sequences = rows.group_by("user", maintain_order=True).agg(pl.col("item").alias("item_id"))
    sequences.filter(pl.col("item_id").list.len() > 1).write_parquet(folder / "sequences.parquet")
    source = TensorFeatureSource(FeatureSource.INTERACTIONS, "item_id")
    schema = TensorSchema([TensorFeatureInfo(
        "item_id", FeatureType.CATEGORICAL, is_seq=True, feature_hint=FeatureHint.ITEM_ID, feature_sources=[source],
        cardinality=n_items, embedding_dim=SIZE, padding_value=n_items,
    )])  # fmt: skip

    class Negatives(torch.nn.Module):
        def forward(self, batch: dict[str, Any]) -> dict[str, Any]:
            return {**batch, "negative_labels": torch.randint(n_items, batch["positive_labels"].shape)}

    transforms = make_default_sasrec_transforms(schema)
    transforms["train"].append(Negatives())
    data = ParquetModule(
        batch_size=BATCH, metadata={"train": {"item_id": {"shape": LENGTH + 1, "padding": n_items}}},
        transforms={"train": transforms["train"]}, train_path=str(folder / "sequences.parquet"),
    )  # fmt: skip
    model = SasRec.from_params(schema, SIZE, HEADS, BLOCKS, LENGTH, DROPOUT)
    model.loss = BCESampled()
    model.loss.logits_callback = model.get_logits
    watch = Watch(lightning.Callback)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", callbacks=[watch.callback], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0,
    )  # fmt: skip
    trainer.fit(LightningModule(model, OptimizerFactory(learning_rate=RATE, betas=BETAS)), data)
    return watch.seconds


def recbole(folder: Path, epochs: int) -> list[float]:
    """RecBole 1.2.1: every target with the items before it is a sample of its own."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.sequential_recommender import SASRec
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    rows = np.loadtxt(folder / "rows.tsv", np.int64, skiprows=1)
    (folder / "rexp").mkdir(exist_ok=True)
    header = "user_id:token\titem_id:token\ttimestamp:float"
    np.savetxt(folder / "rexp" / "rexp.inter", rows, "%d", "\t", header=header, comments="")
    options = {
        "data_path": str(folder), "USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id", "TIME_FIELD": "timestamp",
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "MAX_ITEM_LIST_LENGTH": LENGTH,
        "hidden_size": SIZE, "inner_size": SIZE, "n_layers": BLOCKS, "n_heads": HEADS, "hidden_dropout_prob": DROPOUT,
        "attn_dropout_prob": DROPOUT, "loss_type": "BPR", "train_batch_size": 2048, "learning_rate": RATE,
        "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
        "eval_args": {"split": {"RS": [1, 0, 0]}, "order": "TO", "group_by": "user", "mode": "full"},
        "use_gpu": False, "show_progress": False, "state": "ERROR", "worker": 0,
    }  # fmt: skip
    sys.argv = sys.argv[:1]
    config = Config(model="SASRec", dataset="rexp", config_dict=options)
    init_seed(0, reproducibility=True)
    train = data_preparation(config, create_dataset(config))[0]
    trainer = Trainer(config, SASRec(config, train.dataset))
    seconds = []
    for epoch in range(epochs):
        started = now()
        trainer._train_epoch(train, epoch, show_progress=False)
        seconds.append(now() - started)
    return seconds


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))

"""Run by an interpreter that has RecBole: prints the seconds of each whole epoch of its NeuMF as one line of JSON.

python peer_child.py FOLDER BATCH_SIZE DROPOUT EPOCHS      (FOLDER/rexp/rexp.inter holds the interactions)
"""

import json
import os
import sys
import time

import torch


def main(folder: str, batch_size: int, dropout: float, count: int) -> None:
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.general_recommender import NeuMF
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    torch.set_num_threads(1)
    options = {
        "data_path": folder, "USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id",
        "load_col": {"inter": ["user_id", "item_id"]},
        "mf_embedding_size": 8, "mlp_embedding_size": 32, "mlp_hidden_size": [32, 16, 8], "dropout_prob": dropout,
        "train_neg_sample_args": {"distribution": "uniform", "sample_num": 4}, "train_batch_size": batch_size,
        "eval_args": {"split": {"LS": "test_only"}, "order": "RO", "group_by": "user", "mode": "full"},
        "learning_rate": 1e-3, "use_gpu": False, "show_progress": False, "state": "ERROR", "worker": 0,
    }  # fmt: skip
    sys.argv = sys.argv[:1]
    config = Config(model="NeuMF", dataset="rexp", config_dict=options)
    init_seed(0, reproducibility=True)
    train = data_preparation(config, create_dataset(config))[0]
    trainer = Trainer(config, NeuMF(config, train.dataset))
    clock = time.process_time if os.environ.get("REXP_BENCH_CLOCK") == "cpu" else time.perf_counter
    seconds = []
    for epoch in range(count):
        started = clock()
        trainer._train_epoch(train, epoch, show_progress=False)
        seconds.append(clock() - started)
    print(json.dumps({"samples": 5 * len(train.dataset), "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))

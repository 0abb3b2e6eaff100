"""Resampled training rows: which, how often, and that nothing else changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
import torch

from rexp.api import Layout
from rexp.errors import ConfigError
from rexp.experiment.restore import load_model
from rexp.losses.bce import BinaryCrossEntropy, BinaryCrossEntropyConfig
from rexp.plugins.options import from_options
from rexp.prepare.prepare import load_split
from rexp.store.store import Store
from rexp.train.batches import Batches
from rexp.train.config import FitConfig
from rexp.train.resample import positives_of, resampled_rows

from .tiny import make_split

POSITIVE = np.array([True, False, False, True, False, False, False, False, False, False])


def chosen(seed: int = 0, **options: object) -> Counter[int]:
    recipe = from_options(FitConfig, options, "train")
    return Counter(resampled_rows(POSITIVE, recipe, seed).tolist())


def test_over_repeats_the_rarer_rows() -> None:
    found = chosen(resample="over")
    assert all(found[row] == 1 for row in np.flatnonzero(~POSITIVE))
    assert sum(found[row] for row in (0, 3)) == 8
    assert min(found[0], found[3]) >= 1
    assert sum(chosen(resample="over", resample_ratio=0.5)[row] for row in (0, 3)) == 4


def test_under_leaves_common_rows_out() -> None:
    found = chosen(resample="under")
    assert found[0] == found[3] == 1
    assert max(found.values()) == 1
    assert len(found) == 4
    assert len(chosen(resample="under", resample_ratio=0.5)) == 6
    assert len(chosen(resample="under", resample_ratio=0.1)) == 10  # there are no more


def test_the_seed_draws() -> None:
    assert chosen(1, resample="under") == chosen(1, resample="under")
    assert len({tuple(sorted(chosen(seed, resample="under"))) for seed in range(8)}) > 1


def test_rows_keep_their_labels_in_every_epoch() -> None:
    split = make_split()
    labels = (np.arange(len(split.train)) % 8 == 0).astype(np.float32)
    train = replace(split.train, ratings=labels)
    rows = resampled_rows(labels > 0, FitConfig(resample="over"), 3)
    batches = Batches(train, split.n_users, Layout.POINTWISE, 50, None, 3, rows=rows)
    assert batches.n_slots == len(rows) == 2 * (labels == 0).sum()
    known = {(u, i): y for u, i, y in zip(train.users.tolist(), train.items.tolist(), labels.tolist(), strict=True)}
    for number in range(2):
        batches.epoch = number
        seen = [
            (u, i, y)
            for chunk in batches
            for batch in chunk
            for u, i, y in zip(batch.query.users.tolist(), batch.items.tolist(), batch.labels.tolist(), strict=True)  # type: ignore[union-attr]
        ]
        assert sum(y for _, _, y in seen) == len(seen) / 2
        assert all(known[u, i] == y for u, i, y in seen)
        assert Counter((u, i) for u, i, _ in seen) == Counter(
            zip(train.users[rows].tolist(), train.items[rows].tolist(), strict=True)
        )


@dataclass
class Case:
    """A loss and ratings, and what is said of them."""

    ratings: list[float] | None
    config: BinaryCrossEntropyConfig
    text: str


RATED = BinaryCrossEntropyConfig(target="rating", threshold=4)


@pytest.mark.parametrize(
    "case",
    [
        Case(None, RATED, "balances labeled rows"),
        Case([1.0, 5.0], BinaryCrossEntropyConfig(), "balances labeled rows, and this loss takes every training row"),
        Case([4.0, 5.0], RATED, "all training rows of data=tiny have the same label"),
    ],
)
def test_what_has_no_labels_is_refused(case: Case) -> None:
    split = make_split(n_users=1, per_user=2)
    ratings = None if case.ratings is None else np.array(case.ratings, np.float32)
    split = replace(split, train=replace(split.train, ratings=ratings))
    with pytest.raises(ConfigError, match=case.text):
        positives_of(split, FitConfig(resample="under"), BinaryCrossEntropy(case.config))
    assert positives_of(split, FitConfig(), None) is None


def test_f1_moves_as_scikit_learn_computes_it(tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(0)
    users, items = (part.ravel() for part in np.meshgrid(np.arange(40), np.arange(30)))
    chance = 1 / (1 + np.exp(2.2 - 1.5 * ((users % 2) == (items % 2))))
    rows = [f"{u},{i},{int(random.random() < p)}" for u, i, p in zip(users, items, chance, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["user,item,rating", *rows]) + "\n")
    words = (
        f"-m data=csv data.path={tmp_path}/a.csv data/split=ratio model=mf loss=bce loss.target=rating "
        "loss.threshold=1 "
        "evaluate=pointwise evaluate.row_metrics=[f1,recall] evaluate.decision.by=fixed,f1 train.max_epochs=15 "
        "train.lr=0.05 train.resample=none,over,under track=none measure.latency=false references=[] "
        "train.select_epoch=last train.validate_on=none train.patience=0"
    )
    done = command(*words.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    store, found = Store(tmp_path / "runs"), {}
    for result in store.runs():
        split = load_split(result.config["data"], None, tmp_path / "runs" / ".data")
        test = split.test
        with torch.no_grad():
            model = load_model(store, result.run_id, split, "model")
            query = split.query(torch.from_numpy(np.array(test.users, np.int64)), [])
            q = model.score(query, torch.from_numpy(np.array(test.items, np.int64))).double().sigmoid().numpy()
        assert test.ratings is not None
        at = result.facts.get("chosen_threshold", {"at": 0.5})["at"]
        assert result.metrics["f1"] == pytest.approx(sklearn.metrics.f1_score(test.ratings > 0, q >= at))
        found[result.config["fit"]["resample"], at == 0.5] = result.metrics
    assert len(found) == 6
    for rule in ("over", "under"):  # the rarer label is decided more often
        assert found[rule, True]["recall"] > found["none", True]["recall"] + 0.1

"""Labels and weights that a fit reads in place of ratings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rexp.data.interactions import Interactions
from rexp.errors import ConfigError
from rexp.losses.bce import BinaryCrossEntropy, BinaryCrossEntropyConfig
from rexp.losses.bpr import BPR, BPRConfig
from rexp.losses.mse import MeanSquaredError, MeanSquaredErrorConfig
from rexp.train.config import DeviceConfig, FitConfig
from rexp.train.job import FitJob
from rexp.train.training_rows import check_target, training_rows
from tests.train.tiny import Dot, Drawn, Logistic, make_split

SPLIT = make_split()


def rated(ratings: Any, weights: Any = None) -> Any:
    ids = np.zeros(len(ratings), np.int32)
    given = None if weights is None else np.array(weights, np.float32)
    return replace(SPLIT, train=Interactions(ids, ids, np.array(ratings, np.float32), weights=given))


def bce(**options: Any) -> BinaryCrossEntropy:
    return BinaryCrossEntropy(BinaryCrossEntropyConfig(**options))


def test_labels_are_1_and_0() -> None:
    split = rated([1, -1, -1, 1])
    assert training_rows(split, bce(target="label"), "none").ratings.tolist() == [1, 0, 0, 1]  # type: ignore[union-attr]
    assert training_rows(split, bce(target="rating", threshold=1), "none").ratings is split.train.ratings
    assert training_rows(split, bce(target="label"), "none").weights is None


def test_rare_labels_weigh_more_so_that_all_count_alike() -> None:
    # N / (C N_c): 6 / (2 * 1) and 6 / (2 * 5).
    weights = training_rows(rated([0, 0, 1, 0, 0, 0]), bce(target="label"), "inverse_frequency").weights
    assert weights is not None
    assert weights.tolist() == pytest.approx([0.6, 0.6, 3, 0.6, 0.6, 0.6])
    threshold = training_rows(rated([5, 4, 1, 2]), bce(target="rating", threshold=5), "inverse_frequency").weights
    assert threshold is not None
    assert threshold.tolist() == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])
    squares = MeanSquaredError(MeanSquaredErrorConfig(target="rating"))
    of_each = training_rows(rated([5, 5, 1, 2]), squares, "inverse_frequency").weights
    assert of_each is not None
    assert of_each.tolist() == pytest.approx([2 / 3, 2 / 3, 4 / 3, 4 / 3])


def test_given_weights_have_mean_1() -> None:
    weights = training_rows(rated([1, 0, 1], [2, 0, 4]), bce(target="label"), "column").weights
    assert weights is not None
    assert weights.tolist() == pytest.approx([1, 0, 2])


@pytest.mark.parametrize(
    ("ratings", "given", "loss", "weights", "text"),
    [
        ([1, 0], None, bce(target="label"), "column", "names no column of weights"),
        ([1, 0], [0, 0], bce(target="label"), "column", "all training rows of data=tiny weigh 0"),
        ([1, 0], None, bce(), "inverse_frequency", "takes every training row for a positive"),
    ],
)
def test_weights_that_are_not_there_are_refused(ratings: Any, given: Any, loss: Any, weights: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        training_rows(rated(ratings, given), loss, weights)


def test_ratings_are_no_labels() -> None:
    with pytest.raises(ConfigError, match="the ratings of data=tiny run from 1 to 5"):
        check_target(rated([1, 5, 3]), bce(target="label"))
    with pytest.raises(ConfigError, match="needs labels, and data=tiny has none"):
        check_target(SPLIT, bce(target="label"))


def job(loss: Any, **recipe: Any) -> FitJob:
    split = rated([1, 0, 1, 0, 0, 0])
    config = FitConfig(select_epoch="last", **recipe)
    return FitJob(Dot(split), split, config, DeviceConfig(), loss, Drawn(60), 0, directory=None)  # type: ignore[arg-type]


def test_a_fit_on_labels_draws_nothing_and_gets_its_weights() -> None:
    batches = job(bce(target="label"), weights="inverse_frequency").checked().batches(0, 1)
    (batch,) = next(iter(batches))
    assert batch.labels is not None
    assert batch.weights is not None
    assert sorted(batch.labels.tolist()) == [0, 0, 0, 0, 1, 1]
    assert {(y, round(w, 4)) for y, w in zip(batch.labels.tolist(), batch.weights.tolist(), strict=True)} == {
        (1.0, 1.5),
        (0.0, 0.75),
    }


def test_a_loss_that_reads_no_weights_is_told_so() -> None:
    with pytest.raises(ConfigError, match=r"train\.weights=column: Logistic does not count rows"):
        job(Logistic(), weights="column").checked()
    assert job(BPR(BPRConfig()), weights="none").checked()

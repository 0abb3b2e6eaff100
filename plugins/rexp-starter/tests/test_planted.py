"""The data set: what was planted is there."""

from __future__ import annotations

import polars as pl
import pytest
from rexp_starter.planted import Planted, PlantedConfig


def read(**options: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Interactions, and the same with both tastes."""
    raw = Planted(PlantedConfig(**options), None).read()  # type: ignore[arg-type]
    assert raw.interactions is not None
    assert raw.users is not None
    assert raw.items is not None
    joined = raw.interactions.join(raw.users, on="user").join(raw.items, on="item", suffix="_of_item")
    return raw.interactions, joined


def test_counts_and_distinct_items_and_times() -> None:
    frame, _ = read(n_users=40, n_taken=7)
    assert frame.shape == (280, 3)
    distinct = frame.group_by("user").agg(pl.col("item").n_unique(), pl.col("time").n_unique())
    assert distinct.select("item", "time").unique().rows() == [(7, 7)]


def test_without_noise_everybody_keeps_to_the_own_taste() -> None:
    _, joined = read(noise=0, n_users=60)
    assert (joined["taste"] == joined["taste_of_item"]).all()


def test_noise_alone_knows_no_taste() -> None:
    _, joined = read(noise=1, n_users=400, skew=0, n_taken=10)
    share = (joined["taste"] == joined["taste_of_item"]).mean()
    # One of 5 tastes, 4,000 draws: off by less than 4 * sqrt(0.2 * 0.8 / 4000) = 0.025.
    assert share == pytest.approx(0.2, abs=0.025)


def test_skew_makes_the_first_items_of_a_taste_popular() -> None:
    frame, _ = read(noise=0, n_users=300, n_taken=2, skew=1.5)
    counts = frame["item"].value_counts().sort("item")["count"]
    assert counts[:5].sum() > 5 * counts[-5:].sum()


def test_the_seed_decides() -> None:
    assert read()[0].equals(read()[0])
    assert not read()[0].equals(read(seed=1)[0])


@pytest.mark.parametrize(
    "options", [{"n_items": 3}, {"noise": 2.0}, {"noise": 0.0, "n_taken": 41}, {"n_taken": 201}, {"n_users": 0}]
)
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        PlantedConfig(**options)  # type: ignore[arg-type]

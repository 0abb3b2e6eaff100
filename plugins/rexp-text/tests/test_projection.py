"""Vectors of items that are projected from their texts'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rexp_text.projection import ProjectedTable, TextProjection, TextProjectionConfig, whitening

from rexp.api import ConfigError, Init, Split, StageContext, embedding_table
from rexp.testing import cases_of
from rexp.testing.tiny_split import tiny_split


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return tiny_split(tmp_path_factory.mktemp("tiny"), 0)


def projected(split: Split, words: Path, dim: int = 4, **options: Any) -> Any:
    """A model whose table of items was replaced, and the table that it had."""
    torch.manual_seed(0)
    model = torch.nn.Module()
    model.users = embedding_table(split.n_users, dim, Init())
    model.items = embedding_table(split.n_items, dim, Init("normal", 0.1))
    before = model.items.rows().detach().clone()
    context = StageContext(split, torch.Generator().manual_seed(0))
    TextProjection(TextProjectionConfig(encoder=str(words), **options)).apply(model, context)  # type: ignore[arg-type]
    return model, before


def test_whitened_vectors_are_uncorrelated_with_variance_1() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 5)) @ np.diag([3, 1, 0.5, 0.1, 0])
    mean, weights = whitening(vectors.astype(np.float32), 5)
    found = np.cov((vectors - mean) @ weights, rowvar=False, bias=True)
    np.testing.assert_allclose(found, np.diag([1, 1, 1, 1, 0]), atol=1e-3)
    first = np.abs(weights[:, 0])
    assert first.argmax() == 0  # the widest direction comes first


def test_rows_are_the_projection_of_texts_and_are_learned(split: Split, words: Path) -> None:
    model, before = projected(split, words)
    table = model.items
    assert isinstance(table, ProjectedTable)
    assert not isinstance(model.users, ProjectedTable)
    wanted = (table.texts - table.mean) @ table.weights
    torch.testing.assert_close(table(torch.arange(split.n_items)), wanted)
    trained = torch.from_numpy(split.train_users_per_item > 0)
    assert float(table.rows()[trained].detach().std()) == pytest.approx(float(before.std()), rel=0.3)
    table(torch.tensor([1, 2])).square().sum().backward()
    assert table.mean.grad.abs().sum() > 0
    assert table.weights.grad.abs().sum() > 0
    assert not table.texts.requires_grad


def test_ids_are_added_to_texts(split: Split, words: Path) -> None:
    alone, _ = projected(split, words)
    both, before = projected(split, words, ids=True)
    torch.testing.assert_close(both.items.rows(), alone.items.rows() + before)


def test_more_directions_than_texts_have_begin_small(split: Split, words: Path) -> None:
    model, _ = projected(split, words, dim=10)
    spread = model.items.rows().detach().std(0)
    assert int((spread > 0.05).sum()) <= 6  # numbers of a word's vector
    assert float(model.items.weights.detach().abs().sum(0).min()) > 0


def test_it_keeps_its_contract(words: Path) -> None:
    options = [{"encoder": str(words)}, {"encoder": str(words), "ids": True}]
    results = [
        one for case in cases_of("stage", "text_projection", TextProjection, options=options) for one in case.results()
    ]
    assert [str(one) for one in results if one.outcome == "failed"] == []
    assert sum(one.outcome == "passed" for one in results) >= 6


def test_a_table_of_other_rows_is_refused(split: Split, words: Path) -> None:
    with pytest.raises(ConfigError, match=r"text_projection: users has not one row an item"):
        projected(split, words, targets=("users",))

"""The model and the stage against their formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import VECTORS, WORDS, write_words
from rexp_text.codes import CodedTable, TextCodes, TextCodesConfig, product_codes
from rexp_text.content import TextContent, TextContentConfig
from sklearn.linear_model import Ridge

from rexp.api import ConfigError, Init, Query, Split, StageContext, embedding_table
from rexp.testing import Case, cases_of
from rexp.testing.tiny_split import COLD_ITEM, tiny_split


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Items are named "Item 0" and so on; the last one has no training interaction."""
    return tiny_split(tmp_path / "cache" / "tiny")


def of_titles(split: Split) -> np.ndarray:
    """(I, 6) unit vectors of the titles."""
    rows = (VECTORS[0] + VECTORS[[WORDS.index(str(item)) for item in range(split.n_items)]]) / 2
    rows = rows.astype(np.float16).astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def fitted(split: Split, **options: object) -> TextContent:
    model = TextContent(TextContentConfig(**options), split.spec)  # type: ignore[arg-type]
    model.bind(split)
    model.fit(split, torch.Generator())
    return model


def taken(split: Split, user: int) -> np.ndarray:
    return np.unique(split.train.items[split.train.users == user])


def test_a_profile_is_compared_by_the_cosine(split: Split, words: Path) -> None:
    vectors = of_titles(split)
    centered = vectors - vectors[split.train_users_per_item > 0].mean(0)
    for center, rows in ((False, vectors), (True, centered)):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        profile = rows[taken(split, 3)].sum(0)
        found = fitted(split, encoder=str(words), center=center).score_all(Query(torch.tensor([3])))[0]
        np.testing.assert_allclose(found, rows @ profile / np.linalg.norm(profile), atol=1e-3)
        assert found[COLD_ITEM] != 0


def test_ridge_is_a_regression_of_each_user_on_the_training_items(split: Split, words: Path) -> None:
    vectors, warm = of_titles(split), split.train_users_per_item > 0
    wanted = np.isin(np.arange(split.n_items), taken(split, 5)).astype(float)
    expected = Ridge(0.5, fit_intercept=False).fit(vectors[warm], wanted[warm]).predict(vectors)
    model = fitted(split, encoder=str(words), center=False, how="ridge", l2=0.5)
    np.testing.assert_allclose(model.score_all(Query(torch.tensor([5])))[0], expected, atol=2e-3)


def test_a_fitted_model_comes_back_without_its_encoder(split: Split, words: Path) -> None:
    model, query = fitted(split, encoder=str(words)), Query(torch.arange(split.n_users))
    words.unlink()
    other = TextContent(model.config, split.spec)
    other.bind(split)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.score_all(query), model.score_all(query))
    with pytest.raises(ConfigError, match="is not there"):
        other.fit(split, torch.Generator())


def test_codes_of_separate_groups_are_found_and_told_apart() -> None:
    chance = np.random.default_rng(1)
    groups = np.repeat(np.arange(4), 10)
    centres = np.array([[0, 0, 9, 9, 0], [0, 9, 9, 9, 0], [9, 9, 0, 0, 9], [9, 0, 0, 0, 9]], np.float32)
    vectors = (centres[groups] + 0.01 * chance.standard_normal((40, 5))).astype(np.float32)
    trained = np.arange(40) % 10 > 0
    codes = product_codes(vectors, trained, pieces=1, bits=2, seed=0)
    assert len(np.unique(codes)) == 4
    assert (codes[:, 0] == codes[10 * groups + 1, 0]).all()  # the untrained ones too
    assert product_codes(vectors, trained, pieces=3, bits=1, seed=0).shape == (40, 3)  # five numbers in three pieces
    with pytest.raises(ConfigError, match="bits=6 needs 64 different texts of training items, and there are 36"):
        product_codes(vectors, trained, pieces=1, bits=6, seed=0)
    with pytest.raises(ConfigError, match="the texts' vectors have 5 numbers"):
        product_codes(vectors, trained, pieces=6, bits=1, seed=0)


def test_an_item_is_the_mean_of_the_vectors_of_its_codes() -> None:
    table = CodedTable(3, 2, pieces=2, size=4)
    table.codes.copy_(torch.tensor([[0, 3], [1, 3], [0, 3]]))
    table.vectors.assign(torch.arange(16.0).view(8, 2))
    assert table(torch.tensor([0, 1])).tolist() == [[7.0, 8.0], [8.0, 9.0]]  # rows 0 and 7, rows 1 and 7
    assert torch.equal(table.rows()[0], table.rows()[2])
    table(torch.tensor([2])).sum().backward()
    assert table.vectors.weight.grad is not None
    assert table.vectors.weight.grad.nonzero()[:, 0].unique().tolist() == [0, 7]


def test_the_stage_replaces_tables_of_items_alone(split: Split, words: Path) -> None:
    model = torch.nn.Module()
    model.users = embedding_table(split.n_users, 4, Init())
    model.items = embedding_table(split.n_items, 4, Init("normal", 0.1))
    context = StageContext(split, torch.Generator().manual_seed(0))
    stage = TextCodes(TextCodesConfig(encoder=str(words), pieces=3, bits=2))
    stage.apply(model, context)  # type: ignore[arg-type]
    assert not isinstance(model.users, CodedTable)
    assert isinstance(model.items, CodedTable)
    assert float(model.items.rows().detach().std()) == pytest.approx(0.1, rel=0.5)
    with pytest.raises(ConfigError, match="not one row an item"):
        stage.apply(model, context)  # type: ignore[arg-type]


def failures(cases: list[Case]) -> tuple[list[str], int]:
    results = [result for case in cases for result in case.results()]
    return [str(one) for one in results if one.outcome == "failed"], sum(one.outcome == "passed" for one in results)


def test_the_model_keeps_its_contract(words: Path) -> None:
    options = [{"encoder": str(words)}, {"encoder": str(words), "how": "ridge", "center": False}]
    failed, passed = failures(cases_of("model", "text_content", TextContent, options=options))
    assert failed == []
    assert passed > 40


def test_the_stage_keeps_its_contract(words: Path) -> None:
    options = [{"encoder": str(words), "pieces": 3, "bits": 2}]
    failed, passed = failures(cases_of("stage", "text_codes", TextCodes, options=options))
    assert failed == []
    assert passed >= 6


def test_another_file_gives_other_scores(split: Split, words: Path) -> None:
    query = Query(torch.tensor([1]))
    first = fitted(split, encoder=str(words)).score_all(query)
    write_words(words, np.roll(VECTORS, 1, 0))
    assert not torch.allclose(first, fitted(split, encoder=str(words)).score_all(query))


@pytest.mark.parametrize("options", [{"l2": 0.0}, {"columns": ()}])
def test_impossible_options_of_the_model_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        TextContentConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"pieces": 0}, {"bits": 0}, {"bits": 16}])
def test_impossible_options_of_the_stage_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        TextCodesConfig(**options)  # type: ignore[arg-type]


def test_without_an_encoder_nothing_is_made(split: Split) -> None:
    with pytest.raises(ConfigError, match="encoder= must name"):
        TextContent(TextContentConfig(), split.spec)

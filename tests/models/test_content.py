"""Content-based recommendations, by hand and by numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rexp.api import Capability, Query
from rexp.errors import ConfigError
from rexp.models.content import Content, ContentConfig

from .closed_form import built, everyone, fitted, planted
from .described import PICTURES, described, members, taken, units, weighted
from .helpers import check_capabilities


def test_cosine_of_tags_by_hand(tmp_path: Path) -> None:
    scores = everyone(fitted(Content, described(tmp_path), how="bow"), described(tmp_path))
    half = 0.5**0.5
    profile = np.array([half, half + 1, 0])  # of user 0: x and y of item 0, each at half a square; y of item 1
    profile /= np.linalg.norm(profile)
    both = half * (profile[0] + profile[1])
    found = [both, profile[1], half * profile[1], half * profile[0], 0, both]
    assert scores[0, :6].tolist() == pytest.approx(found, abs=1e-6)
    assert scores[3].tolist() == [0] * 7  # nothing is known of what the user took


def test_rare_tags_count_more(tmp_path: Path) -> None:
    split = described(tmp_path)
    expected = units(taken() @ weighted()) @ weighted().T
    np.testing.assert_allclose(everyone(fitted(Content, split), split), expected, atol=1e-6)


def test_jaccard_by_hand(tmp_path: Path) -> None:
    split = described(tmp_path)
    scores = everyone(fitted(Content, split, how="bow", similarity="jaccard"), split)
    assert scores[0].tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 3, 0, 1, 1 / 3])  # {x, y} with each item's tags
    assert scores[3].tolist() == [0] * 7


@pytest.mark.parametrize("similarity", ["cosine", "pearson"])
@pytest.mark.parametrize("center", [True, False])
def test_dense_vectors_against_numpy(similarity: str, center: bool, tmp_path: Path) -> None:
    split = described(tmp_path)
    model = fitted(Content, split, how="svd", similarity=similarity, center=center)
    rows = weighted()  # three directions of three tags are the tags: nothing is left out
    rows = rows - rows[:5].mean(0) * center
    if similarity == "pearson":
        rows = rows - rows.mean(1, keepdims=True)
    expected = units(taken() @ units(rows)) @ units(rows).T
    np.testing.assert_allclose(everyone(model, split), expected, atol=1e-6)


def test_two_directions_are_those_of_the_training_items(tmp_path: Path) -> None:
    split = described(tmp_path)
    directions = np.linalg.svd(weighted()[:5])[2][:2]
    items = units(weighted() @ directions.T)
    expected = units(taken() @ items) @ items.T
    np.testing.assert_allclose(everyone(fitted(Content, split, how="svd", dim=2), split), expected, atol=1e-5)


def test_words_are_those_of_the_training_items(tmp_path: Path) -> None:
    titles = ["Red house", "red DOG", "blue", "a dog", "Dog; dog!", "red unknown", "house"]
    split = described(tmp_path, titles)
    scores = everyone(fitted(Content, split, columns=("item.title",), how="bow"), split)
    profile = units(np.array([[0.5**0.5, 2 * 0.5**0.5, 0.5**0.5]]))[0]  # house, red, dog: the red house, the red dog
    assert scores[0, 5:].tolist() == pytest.approx([profile[1], profile[0]])  # of "red unknown" red alone is known
    assert scores[3].tolist() == pytest.approx([0, 0.5**0.5, 0, 1, 1, 0, 0])  # dog, however often


def test_vectors_stand_beside_tags(tmp_path: Path) -> None:
    split = described(tmp_path, pictures=True)
    for options, rows in (
        ({"columns": ("item.picture",), "center": True}, units(PICTURES)),
        ({"how": "bow"}, np.hstack([units(members()), units(PICTURES)])),
    ):
        centered = rows - rows[:5].mean(0) * ("center" in options)
        expected = units(taken() @ units(centered)) @ units(centered).T
        model = fitted(Content, split, **options)
        np.testing.assert_allclose(everyone(model, split), expected, atol=1e-6)
        assert Capability.DOT_PRODUCT in model.capabilities()


def test_the_content_of_cold_items_changes_nothing_for_the_others(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    scores = []
    for folder, last in zip(folders, ("Zebra dog", "red red red house"), strict=True):
        folder.mkdir()
        split = described(folder, ["Red house", "red dog", "blue", "a dog", "dog", "red", last])
        scores.append(everyone(fitted(Content, split, columns=("item.title",), how="svd", dim=2), split))
    torch.testing.assert_close(scores[0][:, :6], scores[1][:, :6])
    assert not torch.allclose(scores[0][:, 6], scores[1][:, 6])


@pytest.mark.parametrize(
    "options",
    [{}, {"how": "svd", "dim": 2, "center": True}, {"how": "bow", "similarity": "jaccard"}],
    ids=["sparse", "dense", "sets"],
)
def test_a_stored_model_scores_the_same(options: dict[str, Any], tmp_path: Path) -> None:
    split = described(tmp_path)
    model = fitted(Content, split, **options)
    assert check_capabilities(model, split.spec).isfinite().all()
    assert Capability.COLD_ITEMS in model.capabilities()
    assert (Capability.HAS_EMBEDDINGS in model.capabilities()) == ("dim" in options)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = built(Content, split, **options)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(everyone(again, split), everyone(model, split))
    with pytest.raises(RuntimeError, match="Missing key"):
        again.load_state_dict({})


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"columns": ("item.tag",)}, "did you mean 'item.tags'"),
        ({"columns": ("item.picture",), "how": "bow", "similarity": "jaccard"}, "has vectors; leave them out"),
        ({"columns": ("item.tags",), "center": True}, "take model.how=svd"),
        ({"columns": ("item.tags",), "similarity": "pearson"}, "take model.how=svd"),
    ],
)
def test_what_cannot_be_read_is_told(options: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=word):
        Content(ContentConfig(**options), described(tmp_path, pictures=True).spec)


def test_a_text_without_words_is_told(tmp_path: Path) -> None:
    split = described(tmp_path, ["a", "-", "b", "", "c", "word", "word"])
    with pytest.raises(ConfigError, match=r"'item\.title' has no words among the items of the training part"):
        fitted(Content, split, columns=("item.title",))


def test_items_without_content_are_told() -> None:
    split = planted([(0, 0)], 1, 2)
    with pytest.raises(ConfigError, match="tells nothing of its items"):
        Content(ContentConfig(), split.spec)


@pytest.mark.parametrize("options", [{"dim": 0}, {"columns": ()}, {"similarity": "jaccard"}])
def test_impossible_options_are_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ContentConfig(**options)


def test_nobody_is_asked(tmp_path: Path) -> None:
    model = fitted(Content, described(tmp_path))
    assert model.score(Query(torch.arange(0)), torch.zeros(0, 3).long()).shape == (0, 3)

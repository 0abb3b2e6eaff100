"""What a run is called follows from what it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from rexp.config.recipes import known_recipes, recipe_name
from rexp.plugins.conf_dirs import conf_dir

RECIPES = sorted(file.stem for file in (conf_dir() / "compress").glob("*.yaml"))


def named(config: DictConfig) -> str:
    compress = OmegaConf.to_container(config.compress)
    assert isinstance(compress, dict)
    return recipe_name({str(key): value for key, value in compress.items()})


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_called_by_its_name(composed: Callable[..., DictConfig], recipe: str) -> None:
    assert named(composed("model=mf", f"compress={recipe}")) == recipe


DISTILL = "compress/stage@compress.stages.distill"
TOLERANCE = "compress.stages.prune.tolerance"
LAYERS = (
    "+compress/stage@compress.stages.layers=int8_linear",
    "compress.stages.layers.required=false",
    "compress.order=[[fit,distill],rotate,[finetune,prune,distill],pack,layers]",
)
QUANT = "+compress/stage@compress.stages.q=rowwise"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("compress=kd", f"{DISTILL}=rrd"), "rrd"),
        (("compress=prune", "compress.stages.prune.sparsity=0.8"), "prune"),
        ((QUANT, "compress.order=[fit,q]"), "quantize"),
        ((QUANT, "compress.order=[fit,q,finetune]"), "fit > rowwise > finetune"),
        (("compress=kd_prune", f"{DISTILL}=rrd"), "fit+rrd > rotate > finetune+magnitude+rrd > pack"),
        (("compress=kd_prune", *LAYERS, "compress.stages.pack.values=int4", f"{TOLERANCE}=0.03"), "kd_prune_int4"),
        (
            ("compress=kd_prune", "compress.stages.pack.values=int8", f"{TOLERANCE}=0.02"),
            "kd_prune",
        ),
        (("compress=kd", "compress.order=[fit,finetune]", "compress.stages={}"), "fit > finetune"),
    ],
)
def test_whatever_words_asked_for_it(composed: Callable[..., DictConfig], words: tuple[str, ...], name: str) -> None:
    assert named(composed("model=mf", *words)) == name


def test_a_recipe_of_ones_own_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "compress").mkdir()
    (tmp_path / "compress" / "base.yaml").write_text("order: [fit, mine]\nstages: {mine: {name: half}}\n")
    (tmp_path / "compress" / "more.yaml").write_text("defaults: [base, _self_]\norder: [fit, mine, finetune]\n")
    (tmp_path / "compress" / "loop.yaml").write_text("defaults: [loop]\n")
    (tmp_path / "compress" / "broken.yaml").write_text("order: [fit\n")
    found = known_recipes((tmp_path, conf_dir()))
    assert found["more"].order == ["fit", "mine", "finetune"]
    assert found["more"].stages == {"mine": "half"}
    assert "broken" not in found
    assert set(RECIPES) < set(found)

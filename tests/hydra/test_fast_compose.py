"""Jobs of a sweep are composed as Hydra composes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from rexp.config.schema import Root
from rexp.hydra.config_sources import install
from rexp.hydra.fast_compose import Composer
from rexp.plugins.conf_dirs import conf_dir

Loaded = tuple[ConfigLoader, DictConfig]

JOBS = [
    ["model=mf", "seed=1"],
    ["model=mf", "seed=2", "model.factors=3", "train.lr=0.1"],
    ["model.factors=5", "model=mf", "loss=bpr", "loss.reduction=sum"],
    ["model=mf", "model@teacher=lightgcn", "teacher.fit.max_epochs=2", "+teacher.weight=3", "compress=kd"],
    ["model=mf", "+model@teachers.graph=lightgcn", "compress=kd", "compress.stages.distill.weight=0.3"],
    ["track=[csv,tensorboard]", "track.csv=null"],
    ["data=csv", "data/split=ratio", "data.path=a b.csv", "evaluate.k=[5,10]", "~tags"],
    ["experiment=ftd_htd", "model.factors=10", "++model.fit.batch_size=7"],
    ["tags=[x,y]", "evaluate={k: [5]}", "seed=3", "seed=4"],
    ["experiment=compress_grid", "compress=prune", "seed=2"],
]


@pytest.fixture(scope="module")
def loaded() -> Iterator[Loaded]:
    """Hydra's loader, and the configuration of a sweep as a whole."""
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        loader = hydra.config_loader
        yield loader, loader.load_configuration("config", [], run_mode=RunMode.MULTIRUN)


def test_every_job_is_what_hydra_makes_of_it(loaded: Loaded) -> None:
    loader, master = loaded
    composer = Composer(loader, master)  # type: ignore[arg-type]
    for words in JOBS:
        wanted = loader.load_sweep_config(master, words)
        with open_dict(wanted):
            del wanted["hydra"]
        for _ in range(2):  # the second time from what was kept
            found = composer(words)
            assert OmegaConf.to_container(found) == OmegaConf.to_container(wanted), words


@pytest.mark.parametrize(
    "words", [["seed=1", "model.nosuch=3"], ["model=nosuch"], ["seed=x"], ["data=csv", "nosuch=1"]]
)
def test_what_hydra_refuses_is_refused(loaded: Loaded, words: list[str]) -> None:
    loader, master = loaded
    composer = Composer(loader, master)  # type: ignore[arg-type]
    composer(["seed=1"])
    with pytest.raises(HydraException):
        loader.load_sweep_config(master, words)
    with pytest.raises(HydraException):
        composer(words)

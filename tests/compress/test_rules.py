"""Every stage on every model that can take it, from configuration to reload: what must hold of all of them.

Each pair is an ordinary run on a small planted table. What the capability matrix leaves out must be refused in one line
that says what is missing. One child process at the end reads all stored models back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, open_dict
from torch import nn

from rexp.api import Requirement
from rexp.config.schema import Root
from rexp.errors import ConfigError
from rexp.evaluate.scoring import Scorer
from rexp.experiment.restore import load_model
from rexp.experiment.run import run
from rexp.hydra.config_sources import install
from rexp.nn.embedding import EmbeddingTable
from rexp.plugins import registry
from rexp.plugins.conf_dirs import conf_dir
from rexp.prepare.prepare import load_split
from rexp.store.store import Store

if TYPE_CHECKING:
    from rexp.store.result import RunResult

pytestmark = pytest.mark.slow

MODELS: Mapping[str, list[str]] = {
    "mf": ["model.factors=16"],
    "ncf": ["model.factors=4"],
    "mlp": ["model.factors=8"],
    "lightgcn": ["model.factors=16", "model.layers=2"],
    "two_tower": ["model.share_items=false"],
    "multvae": [],
    "cdae": [],
    "sasrec": [],
    "gru4rec": [],
    "ease": [],
    "puresvd": [],
    "pop": [],
}
STAGES = sorted(plugin.name for plugin in registry.plugins("stage"))
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "hash": {"budget": 1.2},
    "ce": {"budget": 1.5},
    "qr": {"budget": 1.5},
    "lowrank": {"budget": 1.5},
    "tt": {"budget": 1.5},
    "dhe": {"budget": 1.2},
    "mixed_dim": {"budget": 1.5, "blocks": 3},
    "svd": {"budget": 1.5},
    "cluster": {"budget": 1.5},
    "pq": {"bits": 4, "budget": 1.2},
    "pack": {"sparsity": 0.8},
    "rowwise": {"bits": 4},
    "tie": {"kinds": ["tables", "columns", "layers"]},
}
TABLES, LINEAR, VECTORS, READERS, HIDDEN = (
    Requirement.TABLES,
    Requirement.LINEAR,
    Requirement.VECTORS,
    Requirement.READERS,
    Requirement.HIDDEN,
)
ANY = frozenset({Requirement.TEACHER, Requirement.ONLINE, Requirement.INITIAL})
HAS: Mapping[str, frozenset[Requirement]] = {
    "mf": ANY | {TABLES, VECTORS, READERS, Requirement.DOT},
    "ncf": ANY | {TABLES, LINEAR, READERS, HIDDEN},
    "mlp": ANY | {TABLES, LINEAR, HIDDEN},
    "lightgcn": ANY | {TABLES, VECTORS, READERS},
    "two_tower": ANY | {TABLES, LINEAR, VECTORS, HIDDEN},
    "multvae": ANY | {LINEAR, VECTORS, HIDDEN},
    "cdae": ANY | {TABLES, LINEAR, VECTORS},
    "sasrec": ANY | {TABLES, LINEAR, VECTORS, HIDDEN},
    "gru4rec": ANY | {TABLES, LINEAR, VECTORS},
}
"""What a trained model has; the others are fitted in closed form. The planted table has no features."""
WORDS = {
    TABLES: "needs an embedding table",
    LINEAR: "needs a linear layer",
    VECTORS: "needs vectors of users and items",
    READERS: "needs tables that are read in a way it knows",
    HIDDEN: "needs hidden units",
    Requirement.DOT: "needs two tables that meet in one dot product",
    Requirement.FEATURES: "needs features of users or items",
}
NOTHING_TO_TIE = ("mf", "ncf", "mlp", "lightgcn", "sasrec", "gru4rec", "ease", "puresvd", "pop")
OTHER_BATCHES = ("multvae", "cdae", "sasrec", "gru4rec")
REFUSED: Mapping[tuple[str, str], str] = {
    **{(model, "tie"): "has nothing to tie" for model in NOTHING_TO_TIE},
    **{(model, "bd"): "are trained on different batches" for model in OTHER_BATCHES},
    **{(model, "aligned"): "needs a loss over positives with their negatives" for model in OTHER_BATCHES},
    ("cdae", "content_init"): "has a row for each of 61 items",  # its items are in linear layers
}
"""What a stage itself refuses."""
IDENTITIES: Mapping[str, Mapping[str, Any]] = {
    "kd": {"weight": 0.0},
    "ftd": {"weight": 0.0},
    "magnitude": {"sparsity": 0.0},
    "rotate": {},
    "columns": {"keep": 1.0},
    "factorize": {"rank": 16},
}
LEFTOVERS = ("mask", "_orig", "observer", "expert", "teacher", "attach")
TEACHER = ["model@teacher=mf", "teacher.factors=24", "teacher.fit.max_epochs=2", "teacher.fit.patience=0"]


@pytest.fixture(scope="module")
def configurations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], DictConfig]]:
    """The configuration of a model, composed once; all runs share one store."""
    folder = tmp_path_factory.mktemp("rules")
    table = folder / "planted.csv"
    random = np.random.default_rng(0)
    rows = ["user,item,time"]
    for user in range(60):
        taken = random.permutation(30)[: 8 + user % 5] + 30 * (user % 2)
        rows += [f"u{user},{item},{when}" for when, item in enumerate(taken)]
    table.write_text("\n".join([*rows, "u0,only tested,99"]) + "\n")
    install()
    ConfigStore.instance().store("rexp_schema", node=Root)
    made: dict[str, DictConfig] = {}
    common = ["data=csv", f"data.path={table}", "track=none", "references=[]", f"paths.store={folder / 'runs'}"]
    common += ["train.max_epochs=2", "train.progress=none", "measure.latency=false", "compress.finetune.max_epochs=1"]

    def of(model: str) -> DictConfig:
        if model not in made:
            made[model] = compose("config", overrides=[*common, *TEACHER, f"model={model}", *MODELS[model]])
        return made[model]

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield of
    GlobalHydra.instance().clear()


def with_stage(config: DictConfig, stage: str) -> DictConfig:
    """The configuration of a run with one stage, where it belongs."""
    node = {"name": stage, **OPTIONS.get(stage, {})}
    phase = registry.load("stage", stage).phase
    order = {"build": ["it", "fit"], "train": [["fit", "it"]], "post": ["fit", "it"]}[phase]
    other = config.copy()
    with open_dict(other):
        other.compress.order, other.compress.stages = order, {"it": node}
    return other


def refusal(model: str, stage: str) -> str | None:
    """What a run of this pair must be told, by the capability matrix; None where it must work."""
    plugin: Any = registry.load("stage", stage)
    has = HAS.get(model)
    if has is None and plugin.phase == "train":
        return "is fitted in closed form"
    for need, words in WORDS.items():
        if need in plugin.needs and need not in (has or set()):
            return words
    return REFUSED.get((model, stage))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("model", MODELS)
def test_a_stage_on_a_model(configurations: Callable[[str], DictConfig], model: str, stage: str) -> None:
    config = with_stage(configurations(model), stage)
    if words := refusal(model, stage):
        with pytest.raises(ConfigError, match=words) as refused:
            run(config, sweeping=True)
        assert "\n" not in str(refused.value)
        _, _, named = str(refused.value).partition("and can take ")
        for other in filter(None, named.split(", ")):
            assert refusal(model, other) in (None, REFUSED.get((model, other)))
        return
    result = run(config, sweeping=True).result
    store = Store(Path(config.paths.store))
    check_materialized(store.directory(result.run_id) / "model.safetensors", result)
    split = load_split(result.config["data"], None, Path(config.paths.store) / ".data")
    stored = load_model(store, result.run_id, split, "it")
    check_tables(stored)
    scores = Scorer(stored, split, ["train"], torch.device("cpu"), 2**20).catalogue(torch.arange(split.n_users))
    assert scores.isfinite().all(), "users and items of every kind, one never seen in training among them"
    taught = not {Requirement.TEACHER, Requirement.ONLINE}.isdisjoint(registry.load("stage", stage).needs)  # type: ignore[attr-defined]
    assert bool(result.config["teacher"]) == taught


def check_materialized(file: Path, result: RunResult) -> None:
    """The file holds what the result says and nothing that only a fit needs."""
    content = file.read_bytes()
    header = int.from_bytes(content[:8], "little")
    assert len(content) == result.cost["weight_bytes"] == result.weights["bytes"]
    assert len(content) - 8 - header == result.cost["tensor_bytes"]
    names = [name.lower() for name in json.loads(content[8 : 8 + header])]
    assert not [name for name in names for word in LEFTOVERS if word in name]


def check_tables(model: nn.Module) -> None:
    """Whatever took the place of a dense table is read as one, and says how many bytes it holds."""
    for path, table in model.named_modules():
        if not hasattr(table, "rows") or isinstance(table, EmbeddingTable):
            continue
        rows = table.rows()
        assert torch.equal(table(torch.arange(len(rows))), rows), path
        assert table.nbytes() == sum(t.numel() * t.element_size() for t in table.state_dict().values()), path
        assert table(torch.zeros(2, 3, dtype=torch.int64)).shape == (2, 3, rows.shape[1]), path


RELOAD = """
import sys
from dataclasses import fields
from pathlib import Path
from rexp.plugins.options import from_options
from rexp.prepare.prepare import load_split
from rexp.evaluate.config import EvaluateConfig
from rexp.evaluate.evaluator import Evaluator
from rexp.store.store import Store
from rexp.experiment.restore import load_model
store, options = Store(Path(sys.argv[1])), {field.name for field in fields(EvaluateConfig)}
for result in store.runs():
    split = load_split(result.config["data"], None, Path(sys.argv[1]) / ".data")
    rules = {k: v for k, v in result.config["evaluate"].items() if k in options and v is not None}
    model = load_model(store, result.run_id, split, "it")
    again = Evaluator(split, from_options(EvaluateConfig, rules, "evaluate"), "test")(model).metrics
    assert again == result.metrics, (result.labels, again, result.metrics)
    print(result.run_id)
"""


def test_another_process_reads_them_all_back(configurations: Callable[[str], DictConfig]) -> None:
    store = Path(configurations("mf").paths.store)
    run(configurations("mf"), sweeping=True)  # one at least, whichever tests were asked for
    done = subprocess.run([sys.executable, "-c", RELOAD, str(store)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(list(Store(store).runs()))


@pytest.mark.parametrize(("stage", "options"), IDENTITIES.items())
def test_nothing_asked_for_is_nothing_done(
    configurations: Callable[[str], DictConfig], stage: str, options: Mapping[str, Any]
) -> None:
    config = with_stage(configurations("mf"), stage)
    with open_dict(config):
        config.compress.stages.it.update(options)
    plain = run(configurations("mf"), sweeping=True).result
    assert run(config, sweeping=True).result.metrics == plain.metrics

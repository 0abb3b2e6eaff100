"""What ``import rexp`` offers: the same runs, numbers and messages of error as the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import torch
from torch import Tensor, nn

import rexp
from rexp.errors import ConfigError, RexpError, StoreError
from rexp.experiment.measure_client import data_folder
from rexp.python.jobs import compose_jobs

if TYPE_CHECKING:
    from rexp.api import Capability, Query

Command = Callable[..., subprocess.CompletedProcess[str]]
QUIET = ("track=none", "measure.latency=false", "train.progress=none")
MF = ("model=mf", "model.factors=4", "train.max_epochs=1", "train.batch_size=64")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of a small data set, and of a store beside it."""
    folder = tmp_path_factory.mktemp("python")
    rows = [f"u{user},i{(7 * user + 3 * place) % 50},{place}" for user in range(40) for place in range(9)]
    (folder / "mine.csv").write_text("\n".join(["user,item,time", *rows]) + "\n")
    return ["data=csv", f"data.path={folder / 'mine.csv'}", f"paths.store={folder / 'runs'}", *QUIET]


@pytest.fixture(scope="module")
def store(own: list[str]) -> Path:
    return Path(own[2].partition("=")[2])


@pytest.fixture(scope="module")
def made(own: list[str]) -> Any:
    return rexp.run([*MF, *own])


def test_importing_loads_nothing_heavy() -> None:
    code = "import rexp, sys; dir(rexp); print({'torch', 'polars', 'hydra', 'omegaconf', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_every_name_is_there_and_none_is_a_package() -> None:
    folder = Path(rexp.__file__).parent
    for name in rexp.__all__:
        assert getattr(rexp, name)
        assert not list(folder.glob(f"{name}*"))
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        rexp.runn  # noqa: B018


def test_a_run_is_the_command_lines(made: Any, own: list[str], store: Path, command: Command) -> None:
    done = command(*MF, *own, "references=[]")
    assert done.returncode == 0, done.stderr
    assert f"run {made.run_id} is done already" in done.stderr
    manifest = (store / made.run_id / "manifest.json").read_text()
    assert '"model=mf"' in manifest  # and not the command of the process


def test_many_runs_come_in_their_order_and_from_the_store(made: Any, own: list[str], store: Path) -> None:
    found = rexp.run_many([["model=pop", *own], [*MF, *own]])
    assert [run.model_name for run in found] == ["pop", "mf"]
    assert found[1].run_id == made.run_id
    frame = rexp.results(store)
    assert set(frame["run_id"]) == {run.run_id for run in found}
    kept = frame.filter(pl.col("run_id") == made.run_id)
    assert kept["ndcg@10"].item() == made.metrics["ndcg@10"]
    assert kept["model"].item() == "mf"


def test_nothing_is_run_where_one_of_many_cannot_be(own: list[str], tmp_path: Path) -> None:
    own = [*own, f"paths.store={tmp_path / 'runs'}"]
    with pytest.raises(ConfigError, match="did you mean 'pop'"):
        rexp.run_many([["model=pop", *own], ["model=popp", *own]])
    assert not (tmp_path / "runs").exists()


def test_a_stored_model_measures_as_it_did(made: Any, own: list[str], store: Path) -> None:
    model = rexp.load_model(made.run_id[:6], store)
    assert not model.training
    assert rexp.evaluate_model(model, own).metrics == made.metrics
    assert rexp.load_split(made, store=store).fingerprint == made.fingerprint
    assert rexp.load_split(own).fingerprint == made.fingerprint


class ByItem(nn.Module):
    """Foreign weights: a score an item."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    def score(self, query: Query, items: Tensor) -> Tensor:
        return self.weights[items]


def test_foreign_weights_are_measured_by_the_rules_of_runs(own: list[str]) -> None:
    split = rexp.load_split(own)
    popular = ByItem(
        torch.bincount(torch.from_numpy(split.train.items.astype("int64")), minlength=split.n_items).float()
    )
    found = rexp.evaluate_model(popular, [*own, "evaluate.k=[5]"])
    assert found.metrics["ndcg@5"] == rexp.run(["model=pop", "evaluate.k=[5]", *own]).metrics["ndcg@5"]
    assert found.facts["part"] == "test"
    assert rexp.evaluate_model(popular, own, part="valid").facts["part"] == "valid"


def test_recommendations_are_the_command_lines(made: Any, store: Path, command: Command, tmp_path: Path) -> None:
    frame = rexp.recommend(made, ["u3", "u11"], 4, store=store)
    assert frame["user"].to_list() == ["u3"] * 4 + ["u11"] * 4
    out = tmp_path / "lists.parquet"
    done = command("recommend", made.run_id, "--users", "u3,u11", "--k", "4", "--store", store, "--out", out)
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(out).equals(frame)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda store: rexp.run("model=mf"), ConfigError, "overrides are a list"),
        (lambda store: rexp.run_many(["model=mf"]), ConfigError, "overrides are a list"),
        (lambda store: rexp.run(["modell=mf"]), ConfigError, "modell"),
        (lambda store: rexp.load_model("zzz", store), StoreError, "no run 'zzz'"),
        (lambda store: rexp.load_split("zzz", store=store / "none"), StoreError, "holds no run"),
        (lambda store: rexp.results(store / "none"), StoreError, "none is no folder of runs"),
        (
            lambda store: rexp.run(["model=mf"], config_dir="none"),
            ConfigError,
            "config_dir=none: there is no",
        ),
        (lambda store: rexp.evaluate_model(ByItem(torch.ones(1)), part="tset"), ConfigError, "did you mean 'test'"),
        (lambda store: rexp.evaluate_model(nn.Linear(1, 1)), ConfigError, "Linear has no method capabilities"),
        (lambda store: rexp.evaluate_model(ByItem(torch.ones(1)), ["evaluate=two_stage"]), ConfigError, "two_stage"),
    ],
)
def test_what_is_wrong_is_one_line(call: Any, error: type[RexpError], said: str, made: Any, store: Path) -> None:
    with pytest.raises(error, match=said) as caught:
        call(store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"users": ["u3"], "k": 0}, "at least one"),
        ({"users": ["u399"]}, "did you mean 'u39'"),
        ({"users": "u3"}, "are lists"),
        ({"mask": "train"}, "are lists"),
        ({"mask": ["trian"]}, "mask='trian': there is no such value; did you mean 'train'"),
        ({"catalogue": "trian"}, "catalogue='trian': there is no such value; did you mean 'train'"),
    ],
)
def test_a_list_that_cannot_be(options: dict[str, Any], said: str, made: Any, store: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        rexp.recommend(made, store=store, **options)


def test_users_may_be_a_column(made: Any, store: Path) -> None:
    users = pl.Series(["u3", "u11"])
    assert rexp.recommend(made, users, 2, store=store)["user"].unique(maintain_order=True).to_list() == ["u3", "u11"]


def test_a_store_is_found_at_home(made: Any, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(store.parent))
    assert made.run_id in rexp.results("~/runs")["run_id"].to_list()
    assert rexp.load_model(made, "~/runs")
    monkeypatch.setenv("REXP_DATA", "~/data")
    assert data_folder(None) == store.parent / "data"


def test_a_folder_of_configurations_may_have_a_quote_in_its_name(own: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "o'brien" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nseed: 5\n")
    assert compose_jobs([["experiment=mine", *own]], folder.parent)[0].seed == 5


def test_a_hydra_application_may_call_it(made: Any, own: list[str], tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("factors: 4\n")
    (tmp_path / "app.py").write_text(
        dedent(
            f"""
            import hydra
            import rexp
            from hydra.core.global_hydra import GlobalHydra
            from hydra.core.hydra_config import HydraConfig

            @hydra.main(config_path=".", config_name="app", version_base="1.2")
            def main(config):
                before = GlobalHydra.instance().hydra, hydra.version.getbase()
                run = rexp.run([*{list(MF)!r}, f"model.factors={{config.factors}}", *{own!r}])
                assert (GlobalHydra.instance().hydra, hydra.version.getbase()) == before
                assert HydraConfig.get().job.name == "app"
                assert hydra.compose("app").factors == 4
                print(run.run_id)

            main()
            """
        )
    )
    done = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *messages, run = done.stdout.splitlines()
    assert run == made.run_id
    assert any(f"[rexp][INFO] - run {run} is done already" in line for line in messages)  # as the application logs

"""Distributions that rexp knows nothing of: found, composed, listed and trained like built-in ones."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from omegaconf import OmegaConf

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rexp(command: Callable[..., Any], site: Path) -> Callable[..., Any]:
    """rexp beside the distributions; it must succeed."""

    def run(*arguments: str, **more: Any) -> Any:
        done = command(*arguments, on_path=[site], **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def job(done: Any) -> Any:
    return OmegaConf.create(done.stdout)


def test_plugins_are_listed_with_their_distribution_and_version(rexp: Callable[..., Any]) -> None:
    listed = json.loads(rexp("plugins", "--json").stdout)["plugins"]
    theirs = {(row["kind"], row["name"]): row for row in listed if row["distribution"] != "rexp-recsys"}
    assert set(theirs) == {
        ("model", "cml"),
        ("loss", "hinge"),
        ("model", "recent_pop"),
        ("stage", "random_prune"),
        ("retriever", "simple_lsh"),
        ("metric", "rbp"),
        ("sampler", "log_uniform"),
        ("data", "planted"),
        ("split", "user_folds"),
        ("model", "text_content"),
        ("stage", "text_codes"),
        ("stage", "text_projection"),
        ("explainer", "fields_and_history"),
    }
    assert theirs["model", "cml"] == {
        "kind": "model",
        "name": "cml",
        "target": "rexp_cml.model:CML",
        "distribution": "rexp-cml",
        "version": "0.1.0",
        "api": "2.0",
        "state": "found",
        "homepage": "",
        "summary": "The score of an item is minus its squared distance to the user (§3.1); both lie in the unit ball.",
    }


def test_their_own_yaml_is_composed_with_its_recipe(rexp: Callable[..., Any]) -> None:
    model = job(rexp("model=cml", "model.factors=8", "--cfg", "job")).model
    assert model == {
        "name": "cml",
        "factors": 8,
        "covariance": 1.0,
        "fit": {
            "optimizer": "adagrad",
            "lr": 0.1,
            "loss": {"name": "hinge", "margin": 0.5, "reduction": "mean"},
            "sampler": job(rexp("--cfg", "job", "sampler=uniform")).sampler,
        },
    }


def test_a_class_without_yaml_is_composed_from_its_dataclass(rexp: Callable[..., Any]) -> None:
    config = job(rexp("model=recent_pop", "model.half_life_days=7", "--cfg", "job"))
    assert {key: config.model[key] for key in ("name", "half_life_days")} == {"name": "recent_pop", "half_life_days": 7}


def test_a_loss_of_one_distribution_serves_the_model_of_another(rexp: Callable[..., Any]) -> None:
    config = job(rexp("model=mf", "loss=hinge", "loss.margin=2", "--cfg", "job"))
    assert (config.loss.name, config.loss.margin) == ("hinge", 2)
    teacher = job(rexp("model@teacher=cml", "model=mf", "--cfg", "job")).teacher
    assert teacher.fit.loss.name == "hinge"


def test_the_search_path_names_their_folder_and_the_source_of_the_rest(rexp: Callable[..., Any], site: Path) -> None:
    shown = rexp("--info", "searchpath").stdout
    assert "rexp-cml" in shown
    assert str(site / "rexp_cml" / "conf") in shown
    assert shown.index("rexp_cml") < shown.index("rexp://entry-points")


def test_help_and_completion_know_them(rexp: Callable[..., Any]) -> None:
    models = next(line for line in rexp("--help").stdout.splitlines() if line.startswith("model:"))
    assert {"cml", "recent_pop", "ncf"} <= set(models.removeprefix("model:").replace(",", " ").split())
    line = "rexp model="
    completed = rexp("-sc", "query=bash", env={"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_CWORD": "1"})
    assert {"model=cml", "model=recent_pop", "model=ncf"} <= set(completed.stdout.split())


def test_rexp_disable_takes_a_distribution_out(command: Callable[..., Any], site: Path) -> None:
    environment = {"REXP_DISABLE": "Rexp_CML"}  # any spelling that pip would take
    done = command("model=cml", "--cfg", "job", on_path=[site], env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith("rexp: model=cml: there is no such option")
    assert "recent_pop" in done.stderr
    assert command("model=recent_pop", "--cfg", "job", on_path=[site], env=environment).returncode == 0


@pytest.mark.parametrize("name", ["rexp-cml", "rexp-explain", "rexp-recent-pop", "rexp-starter", "rexp-text"])
@pytest.mark.slow
def test_their_own_tests_pass_against_the_installed_wheel(name: str, site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{name}/tests"],
        cwd=ROOT / "plugins",
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_they_train_and_are_measured_beside_a_built_in_model(rexp: Callable[..., Any], tmp_path: Path) -> None:
    common = [
        "track=none",
        "measure.latency=false",
        f"paths.store={tmp_path}/runs",
        "train.progress=none",
        "references=[random]",
    ]
    rexp("model=cml", "train.max_epochs=2", *common, cwd=tmp_path)
    rexp("model=recent_pop", *common, cwd=tmp_path)
    results = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/result.json")]
    ndcg = {result["labels"]["model"]: result["metrics"]["ndcg@10"] for result in results}
    assert set(ndcg) == {"cml", "recent_pop", "random"}
    assert min(ndcg["cml"], ndcg["recent_pop"]) > 2 * ndcg["random"]


@pytest.mark.slow
def test_recommendations_are_explained_in_a_table_and_on_the_page(rexp: Callable[..., Any], tmp_path: Path) -> None:
    few = ("data=planted", "data.n_users=50", "data.n_items=30", "track=none", "measure.latency=false", "references=[]")
    rexp("model=itemknn", *few, cwd=tmp_path)
    [run] = [file.parent.name for file in (tmp_path / "runs").glob("*/result.json")]
    rexp("recommend", run, "--k", "2", "--explain", "--out", "lists.csv", cwd=tmp_path)
    lists = (tmp_path / "lists.csv").read_text().splitlines()
    assert lists[0] == "user,rank,item,score,why"
    assert len(lists) == 1 + 2 * 50
    assert all(re.search(r",\S+ [+-]\d\.\d{4}", line) for line in lists[1:])
    rexp("report", "--html", "page.html", "--explain", run[:6], cwd=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert (page.count('"user":'), page.count('"reasons":')) == (5, 25)
    assert "exact contributions" in page
    rexp("model=mf", "train.max_epochs=1", *few, cwd=tmp_path)
    [other] = [file.parent.name for file in (tmp_path / "runs").glob("*/result.json") if file.parent.name != run]
    told = rexp("report", "--html", "page.html", "--explain", f"{other},{run}", cwd=tmp_path).stderr
    assert f"run {other} is not explained on the page: MF gives the same score" in told
    assert (tmp_path / "page.html").read_text().count('"reasons":') == 25


def imports(file: Path) -> set[str]:
    """Modules that a file imports, wherever it does."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def test_they_import_the_contract_and_nothing_else_of_rexp() -> None:
    files = [file for file in (ROOT / "plugins").rglob("*.py") if "rexp-" in file.parent.parent.name]
    assert len(files) > 15
    found = {module for file in files for module in imports(file) if module.split(".")[0] == "rexp"}
    assert "rexp.api" in found
    assert found <= {"rexp", "rexp.api", "rexp.testing", "rexp.testing.tiny_split"}


@pytest.mark.slow
def test_a_data_set_split_sampler_metric_stage_and_retriever_of_theirs_work_in_one_run(
    rexp: Callable[..., Any], tmp_path: Path
) -> None:
    common = [
        *("data=planted", "data.n_users=200", "data.n_items=60", "data.noise=0.1", "data/split=user_folds"),
        *("model=mf", "model.factors=8", "sampler=log_uniform", "train.max_epochs=3", "train.lr=0.05"),
        *("compress.order=[fit,[finetune,prune]]", "+compress/stage@compress.stages.prune=random_prune"),
        *("compress.stages.prune.sparsity=0.25", "compress.finetune.max_epochs=1", "evaluate.metrics=[ndcg,rbp]"),
        *("references=[random]", "track=none", "measure.latency=false", "train.progress=none"),
        f"paths.store={tmp_path}/runs",
    ]
    rexp(*common, cwd=tmp_path)
    rexp(*common, "evaluate=two_stage", "retriever=simple_lsh", "retriever.n_candidates=20", cwd=tmp_path)
    results = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/result.json")]
    ranked = {result["labels"]["model"]: result for result in results if not result["config"].get("retriever")}
    assert ranked["mf"]["metrics"]["rbp@10"] > 2 * ranked["random"]["metrics"]["rbp@10"]
    sizes = ranked["mf"]["steps"][-1]["sizes"]
    assert sizes["nonzero"] <= 0.76 * sizes["parameters"]

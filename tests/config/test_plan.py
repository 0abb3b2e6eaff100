"""What a configuration comes to once its plugins are loaded, and what of it makes another run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rexp.config.job import read
from rexp.config.plan import Plan, resolve
from rexp.config.teachers import Teacher, Teachers
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.errors import ConfigError
from rexp.experiment.warm_start import evaluation_device
from rexp.prepare.sources import plugins_of
from rexp.store.manifest import finish, manifest
from rexp.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from omegaconf import DictConfig

Planned = Callable[..., Plan]


def part(rows: list[tuple[int, int]]) -> Interactions:
    users, items = np.array(rows, np.int32).T
    return Interactions(users, items)


SPLIT = Split(
    "toy", part([(0, 0), (0, 1), (1, 2), (1, 3)]), part([(0, 2), (1, 0)]), part([(0, 3), (1, 1)]), 2, 4, "x", "full"
)


@pytest.fixture
def planned(composed: Callable[..., DictConfig], tmp_path: Path) -> Planned:
    """The plan of some overrides on a toy split."""
    return lambda *overrides: resolve(read(composed(*overrides)), SPLIT, Store(tmp_path), sweeping=False)


FINETUNED = ("model=mf", "compress.order=[fit,finetune]")


def test_what_a_fine_tune_does_otherwise_makes_another_run_where_there_is_one(planned: Planned) -> None:
    short, long = planned(*FINETUNED), planned(*FINETUNED, "compress.finetune.max_epochs=9")
    assert short.identity() != long.identity()
    assert short.steps_identity(2) != long.steps_identity(2)
    assert short.steps_identity(1) == long.steps_identity(1) == planned("model=mf").steps_identity(1)
    assert planned("model=mf").identity() == planned("model=mf", "compress.finetune.max_epochs=9").identity()


def test_the_rules_by_which_a_fine_tune_chooses_belong_to_its_step_alone(planned: Planned) -> None:
    last = ("train.select_epoch=last", "train.patience=0", "+compress.finetune.select_epoch=best")
    masked, whole = planned(*FINETUNED, *last), planned(*FINETUNED, *last, "evaluate.mask=[]")
    assert masked.steps_identity(2) != whole.steps_identity(2)
    assert masked.steps_identity(1) == whole.steps_identity(1)
    by_hits = planned(*FINETUNED, *last, "train.monitor=hr@10")
    assert masked.steps_identity(2) != by_hits.steps_identity(2)
    assert masked.steps_identity(1) == by_hits.steps_identity(1)


@pytest.mark.parametrize(
    ("overrides", "device"),
    [
        (["model=mf"], "cuda"),
        (["model=mf", "train.accelerator=cpu"], "cpu"),
        (["model=mf", "compress=kd"], "cuda"),
        (["model=mf", "train.devices=2"], "cpu"),
        (["model=mf", "compress=prune"], "cpu"),
        (["model=mf", "compress=quantize"], "cpu"),
        (["model=ease"], "cpu"),
        (["model=mf", "evaluate=two_stage", "retriever=flat"], "cpu"),
    ],
)
def test_a_model_is_evaluated_where_it_was_trained_last(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, overrides: list[str], device: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert evaluation_device(planned(*overrides)).type == device


@pytest.mark.parametrize(
    ("recipe", "control"),
    [("kd", "none"), ("kd_quantize", "quantize"), ("ftd", "none"), ("svd_of_teacher", "none"), ("svd_kd", "none")],
)
def test_a_control_is_the_same_recipe_without_what_acts_inside_its_fit(
    planned: Planned, recipe: str, control: str
) -> None:
    taught = planned("model=mf", f"compress={recipe}", "compress.control_run=true")
    assert taught.identity() == planned("model=mf", f"compress={control}").identity()
    assert taught.identity() != planned("model=mf", f"compress={recipe}").identity()
    assert any("used by no stage" in notice for notice in taught.notices)


def test_recipes_that_begin_alike_share_their_first_steps(planned: Planned) -> None:
    recipes = ("kd", "kd_prune", "kd_prune_int4", "factorize_kd_int4", "kd_quantize")
    taught = [planned("model=mf", f"compress={recipe}") for recipe in recipes]
    assert len({str(plan.steps_identity(1)) for plan in taught}) == 1
    half, int4 = taught[1:3]
    assert half.steps_identity(2) == int4.steps_identity(2)
    assert half.steps_identity(3) != int4.steps_identity(3)
    assert half.control() == planned("model=mf", "compress=prune").control()
    assert half.control() == {
        "order": ["fit", "rotate", "finetune"],
        "stages": {"rotate": {"name": "rotate", "targets": ("*",), "ignore": ()}},
        "finetune": {"max_epochs": 5},
    }


def test_training_that_a_closed_form_model_has_no_use_for_is_a_note_where_it_was_not_typed(
    composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    request = partial(read, composed("model=pop", "train=quick", "loss=bce"))
    [notice] = resolve(request(), SPLIT, Store(tmp_path), sweeping=False).notices
    assert notice == "model=pop is fitted in closed form and uses no loss, train.max_epochs"
    typed = request(typed=["model", "train", "loss"])
    with pytest.raises(ConfigError, match="uses no loss; leave that out"):
        resolve(typed, SPLIT, Store(tmp_path), sweeping=False)
    assert resolve(typed, SPLIT, Store(tmp_path), sweeping=True).notices == (notice,)


def options(planned: Planned, kind: str, *overrides: str) -> dict[str, object]:
    fit = planned(*overrides).fit
    assert fit
    node: dict[str, object] = fit.plain()[kind]
    return node


def test_a_sampler_that_is_the_models_own_keeps_its_options(planned: Planned) -> None:
    own = options(planned, "sampler", "model=lightgcn")
    assert own == {"name": "uniform", "n": 1, "catalogue": "auto", "reject": True, "positives": "users"}
    assert options(planned, "sampler", "model=lightgcn", "sampler=uniform") == own
    # What is typed holds, the default too.
    assert options(planned, "sampler", "model=lightgcn", "sampler=uniform", "sampler.n=4") == own | {"n": 4}
    other = options(planned, "sampler", "model=lightgcn", "sampler=popularity")
    assert (other["name"], other["n"], other["positives"]) == ("popularity", 4, "interactions")


def test_a_loss_that_is_the_models_own_keeps_its_options(planned: Planned) -> None:
    assert options(planned, "loss", "model=sasrec", "loss=bce")["layout"] == "listwise"
    assert options(planned, "loss", "model=sasrec", "loss=bce", "loss.layout=pointwise")["layout"] == "pointwise"
    assert options(planned, "loss", "model=ncf", "loss=bce")["layout"] == "pointwise"


def test_all_of_a_batch_is_said_with_null(planned: Planned) -> None:
    assert options(planned, "sampler", "model=mf", "loss=sampled_softmax", "sampler=in_batch")["n"] is None


def test_a_learning_rate_of_a_models_own_falls_only_where_something_is_watched(planned: Planned) -> None:
    unwatched = ("model=ncf", "train.select_epoch=last", "train.patience=0")
    for overrides, expected in ((("model=ncf",), 0.5), (unwatched, 1.0)):
        fit = planned(*overrides).fit
        assert fit
        assert fit.recipe.lr_decay == expected
    with pytest.raises(ConfigError, match="follows what is watched"):
        planned(*unwatched, "train.lr_decay=0.1")


def test_a_stage_that_looks_at_validation_depends_on_its_rules(
    planned: Planned, composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    auto = ("model=mf", "compress=prune", "train.select_epoch=last")
    auto = (*auto, "train.patience=0", "compress.stages.prune.sparsity=auto")
    by_gain, by_hits, other = (
        planned(*auto, *rest) for rest in ([], ["train.monitor=hr@10"], ["evaluate.mask=[]", "train.monitor=ndcg@10"])
    )
    for steps in (3, 4):
        identities = {str(plan.steps_identity(steps)) for plan in (by_gain, by_hits, other)}
        assert len(identities) == 3
    assert by_gain.steps_identity(1) == by_hits.steps_identity(1) == other.steps_identity(1)
    assert by_gain.identity() != by_hits.identity()
    unvalidated = replace(SPLIT, valid=SPLIT.valid.take(np.empty(0, np.int64)))
    with pytest.raises(ConfigError, match=r"'prune' .* measures the model on a validation part: take a split with one"):
        resolve(read(composed(*auto)), unvalidated, Store(tmp_path), sweeping=False)


SVD = ("model=mf", "compress=svd_of_teacher")


def test_a_student_in_closed_form_is_trained_only_where_the_order_says_so(planned: Planned) -> None:
    alone = planned(*SVD)
    assert alone.fit is None
    assert alone.identity() == planned(*SVD, "model.fit.lr=0.1").identity()
    assert "no step of compress.order trains and uses no train.lr" in planned(*SVD, "train.lr=0.1").notices
    follows = planned(*SVD, "compress.order=[svd,fit]")
    assert follows.fit is not None
    assert follows.steps_identity(1) == alone.steps_identity(1)
    assert [follows.recipe.first_fit, alone.recipe.first_fit] == [1, 0]
    smaller = ["+compress/stage@compress.stages.quant=rowwise", "compress.order=[svd,quant]"]
    assert planned(*SVD, *smaller).recipe.first_fit == 0
    planned(*SVD, "compress.order=[svd,finetune]")


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ("[fit,svd]", "'svd' .* belongs before the fit"),
        ("[finetune,svd]", "nothing to fine-tune before the fit"),
        ("[[fit,svd]]", "make it a step of its own, before the fit"),
        ("[svd,fit,fit]", "needs 'fit' once"),
    ],
)
def test_where_a_student_in_closed_form_cannot_stand(planned: Planned, order: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        planned(*SVD, f"compress.order={order}")


@pytest.mark.parametrize("model", ["lightgcn", "ncf", "puresvd", "two_tower"])
def test_only_a_dot_product_of_two_tables_is_made_in_closed_form(planned: Planned, model: str) -> None:
    with pytest.raises(ConfigError, match="needs two tables that meet in one dot product alone"):
        planned(f"model={model}", "compress=svd_of_teacher")


def test_a_teacher_ranks_only_where_there_is_one(planned: Planned) -> None:
    two = ("model=mf", "evaluate=two_stage", "retriever=flat", "retriever.n_candidates=4", "evaluate.k=[2]")
    with pytest.raises(ConfigError, match=r"retriever\.ranker=teacher needs one teacher that is a run, and here are 0"):
        planned(*two, "retriever.ranker=teacher")


def test_an_identity_names_the_plugins_that_are_used_alone(planned: Planned) -> None:
    plan = planned("model=mf", "evaluate.metrics=[hr,coverage]", "compress=quantize")
    fitted = ["data/online-retail", "loss/bpr", "model/mf", "sampler/uniform", "split/time_cut"]
    assert plan.identity()["plugins"] == sorted([*fitted, "metric/hr", "metric/coverage", "stage/rowwise"])
    # What chooses the epoch is part of the fit; what is measured beside it, and what comes after it, is not.
    assert plan.steps_identity(1)["plugins"] == sorted([*fitted, "metric/hr"])
    assert planned("model=ease").steps_identity(1)["plugins"] == [
        "data/online-retail", "model/ease", "split/time_cut",
    ]  # fmt: skip
    # Which split is taken where none is named depends on the data: the code of both counts.
    assert plugins_of({"name": "csv"}) == [("data", "csv"), ("split", "given"), ("split", "leave_last")]


def test_the_code_of_a_stored_model_that_teaches_is_part_of_its_student(
    composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    its = {
        "model": {"name": "lightgcn"},
        "compress": {"order": ["fit", "quant"], "stages": {"quant": {"name": "half"}}},
    }
    started = manifest([], {}, {})
    store.begin("ab", its, started, identity={})
    store.commit("ab", {"config": its}, finish(started))
    request = read(composed("model=mf", "compress=kd", "model@teacher=lightgcn", "+teacher.from=ab"))
    plan = resolve(request, SPLIT, store, teaching=Teachers((Teacher("ab"),)), sweeping=False)
    assert {"model/lightgcn", "stage/half", "stage/kd"} <= set(plan.identity()["plugins"])
    alone = resolve(request, SPLIT, store, sweeping=False)
    assert "model/lightgcn" not in alone.identity()["plugins"]


def test_what_changes_nothing_is_told(composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    words = ("model=mf", "train.last_k=3", "train.lr=0.1", "evaluate.candidates.n=5", "compress.finetune.max_epochs=2")
    request = read(composed(*words), typed=[word.partition("=")[0] for word in words])
    notices = resolve(request, SPLIT, Store(tmp_path), sweeping=False).notices
    assert "without effect in this run: compress.finetune.max_epochs, evaluate.candidates.n, train.last_k" in notices
    assert not any("without effect" in line for line in resolve(request, SPLIT, Store(tmp_path), sweeping=True).notices)


def test_what_is_said_of_a_teacher_that_is_a_run_is_told(composed: Callable[..., DictConfig], tmp_path: Path) -> None:
    words = ("compress=kd", "model@teacher=mf", "teacher.factors=7", "++teacher.from=abc", "++teacher.weight=2.0")
    request = read(composed(*words), typed=[word.lstrip("+").partition("=")[0] for word in words])
    notices = resolve(request, SPLIT, Store(tmp_path), sweeping=False).notices
    assert "without effect in this run: model@teacher, teacher.factors" in notices

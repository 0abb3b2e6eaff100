"""What a user gets wrong: one line on stderr that says what, where and what to do, and exit code 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rexp.hydra.error_messages import user_message

if TYPE_CHECKING:
    from collections.abc import Callable

COMPOSING = [
    ("model=nccf", "model=nccf: there is no such option; did you mean 'ncf'? Known: afm, autoint"),
    ("data=nosuch", "data=nosuch: there is no such option; Known: amazon-scientific, citeulike-a"),
    ("data/split=leave_lost", "data/split=leave_lost: there is no such option; did you mean 'leave_last'?"),
    ("experiment=ncf_papr", "experiment=ncf_papr: there is no such option; did you mean 'ncf_paper'?"),
    ("track=[csv,wandbb]", "track=wandbb: there is no such option; did you mean 'wandb'?"),
    ("paper=sasrec", "paper=sasrec: a paper is a table of many runs; write rexp paper run sasrec"),
    ("moddel=ncf", "moddel: there is no such key; did you mean 'model'?"),
    ("sead=1", "sead: there is no such key; did you mean 'seed'?"),
    ("train.max_epoch=1", "train.max_epoch: there is no such key; did you mean 'max_epochs'?"),
    ("paths.stor=x", "paths.stor: there is no such key; did you mean 'store'?"),
    ("model.factos=1", "model.factos: there is no such key; did you mean 'factors'?"),
    ("data.split.validd=1", "data.split.validd: there is no such key; did you mean 'valid'?"),
    ("seed=x", "seed: Value 'x' of type 'str' could not be converted to Integer"),
    ("force=maybe", "force: Value 'maybe' is not a valid bool"),
    ("references=pop", "references: Invalid value assigned: str is not a ListConfig, list or tuple."),
    ("loss.margin=1", "loss.margin: nothing is selected there; choose loss=NAME too, or set model.fit.loss.margin"),
    ("sampler.n=1", "sampler.n: nothing is selected there; choose sampler=NAME too, or set model.fit.sampler.n"),
    ("model@teacher=null", "model@teacher=null: a group takes the name of an option; write '~model@teacher'"),
    ("seed", "seed: cannot be read as KEY=VALUE"),
    ("model.factors=[", "model.factors=[: cannot be read as KEY=VALUE; a bracket [ or ] has no other one"),
    ("tags=[é]", "tags=[é]: cannot be read as KEY=VALUE; put text with other letters than A to Z"),
    ("tags=[a=b]", "tags=[a=b]: cannot be read as KEY=VALUE; put text with other letters than A to Z"),
    ("tags=['a]", "tags=['a]: cannot be read as KEY=VALUE; a quote is not closed"),
    ("model=[1,2]", "model=[1,2]: a group takes the name of an option; write '~model' to leave it out"),
    ("compress=true", "compress=true: a group takes the name of an option; write '~compress' to leave it out"),
    ("track=null", "track=null: a group takes the name of an option; write track=none to leave it out"),
    ("compress=rotate", "compress=rotate: 'rotate' is a stage and no recipe; put it into one: +compress/stage@"),
    ("lr=0.01", "lr: there is no such key; it is train.lr"),
    ("epochs=3", "epochs: there is no such key; it is train.max_epochs"),
    ("model.fit.weight_decay=0.1", "model.fit.weight_decay: there is no such key; it is train.weight_decay"),
    ("model.batch_size=3", "model.batch_size: there is no such key; it is train.batch_size"),
    ("--model=mf", "--model=mf: a setting is written KEY=VALUE, without dashes: model=mf"),
    ("-lr=0.1", "-lr=0.1: a setting is written KEY=VALUE, without dashes: lr=0.1"),
]
RUNNING = [
    ("model.factors=x", "model.factors='x' has the wrong type: a whole number is wanted, not text"),
    ("train.accelerator=xpu", "train.accelerator='xpu' is not allowed; did you mean 'gpu'? Known: auto, cpu"),
    ("train.strategy=dpp", "train.strategy='dpp' is not allowed; did you mean 'ddp'?"),
    ("train.threads=100000", "train: threads=100000 is beyond "),
    ("train.devices=100000", "train: devices=100000 is beyond "),
    ("teacher=[1,2]", "teacher=[1, 2] is no model; choose one with model@teacher=NAME"),
    ("teacher=lightgcn", "teacher='lightgcn' is no model; choose one with model@teacher=NAME, or a stored run with"),
    ("teacher.seed=1", "teacher names no model; choose one with model@teacher=NAME, a run with teacher.from=RUN, or a"),
    (
        "data.split=leave_last",
        "data.split='leave_last' names no plugin; it is a mapping with the key 'name', or",
    ),
    ("teacher.on_weak=end", "teacher names no model; choose one with"),
    ("seed=-1", "seed=-1 must be a number from 0 to 9223372036854775807"),
    ("seed=99999999999999999999", "seed=99999999999999999999 must be a number from 0 to 9223372036854775807"),
    ("evaluate.candidates.seed=-1", "evaluate.candidates.seed=-1 must be"),
    ("model.variant=nfc", "model.variant='nfc' is not allowed; did you mean 'neumf'? Known: gmf, mlp, neumf"),
    ("+model.fctors=3", "model.fctors is not an option here; did you mean 'factors'?"),
    ("train.max_epochs=x", "train.max_epochs='x' has the wrong type: a whole number is wanted, not text"),
    ("train.lr=-1", "train: lr=-1.0 must be above 0"),
    ("train.optimizer=adm", "train.optimizer='adm' is not allowed; did you mean 'adam'?"),
    ("data.split.valid=x", "data.split.valid='x' has the wrong type"),
    ("evaluate.metrics=[ndgc]", "no metric is named 'ndgc'; did you mean 'ndcg'?"),
    ("evaluate.protocol=ful", "evaluate.protocol='ful' is not allowed; did you mean 'full'?"),
    ("model.name=nccf", "no model is named 'nccf'; did you mean 'ncf'?"),
    ("+foo=1", "foo: there is no such key; did you mean 'force'?"),
    ("+paths.stre=x", "paths.stre is not an option here; did you mean 'store'?"),
    ("~seed", "seed: the run needs this key; take ~seed off the command line"),
    ("~model", "model names no plugin; choose one with model=NAME"),
    ("seed=${nosuch}", "seed: Interpolation key 'nosuch' not found"),
    ("compress.order=[fit,prune]", "compress.order names 'prune', which is no stage; Known: finetune, fit"),
    ("data=csv", "data=csv needs data.path=FILE"),
    ("train.lr=nan", "train.lr=nan is no finite number; give one"),
    ("model.fit.lr=-inf", "model.fit.lr=-inf is no finite number; give one"),
    ("train.batch_size=99999999999999999999", "train.batch_size=99999999999999999999 is beyond 281,474,976,710,656"),
    ("model.fit=3", "model.fit=3 is no recipe; it is a mapping with keys such as max_epochs"),
    ("model.fit.loss={name: 3}", "model.fit.loss={'name': 3, "),
    ("data.filter=3", "data.filter=3 has the wrong type: a mapping is wanted, not a whole number"),
    ("references=[nope]", "references=[nope]: model=nope: there is no such option; did you mean 'pop'?"),
]


def only_line(done: Any) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("rexp: ")
    line: str = done.stderr.removeprefix("rexp: ")
    return line


@pytest.mark.slow
@pytest.mark.parametrize(("override", "message"), COMPOSING)
def test_what_cannot_be_composed(command: Callable[..., Any], override: str, message: str) -> None:
    done = command("--cfg", "job", override)
    assert only_line(done).startswith(message)
    assert done.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize(("override", "message"), RUNNING)
def test_what_cannot_be_run(command: Callable[..., Any], override: str, message: str) -> None:
    assert only_line(command("track=none", override)).startswith(message)


@pytest.mark.slow
def test_nothing_among_several_names(command: Callable[..., Any]) -> None:
    assert only_line(command("-m", "loss=null,bpr")).startswith("loss=null,bpr: a group takes the name of an option")


def test_a_mistyped_verb_is_told_the_nearest(command: Callable[..., Any]) -> None:
    assert only_line(command("reprot")).startswith(
        "'reprot' is neither a verb nor KEY=VALUE; did you mean 'report'? Known: data, export"
    )


@pytest.mark.slow
def test_words_of_other_programs(command: Callable[..., Any]) -> None:
    assert only_line(command("train", "--model", "mf")).startswith(
        "'train' is neither a verb nor KEY=VALUE; a run needs no verb: rexp model=mf"
    )
    stages = command("--cfg", "job", "model=mf", "compress=kd", "compress.stages.kd.weight=2")
    told = "the stage kd has the key 'distill' here: compress.stages.distill.weight"
    assert only_line(stages).startswith(f"compress.stages.kd: there is no such key; {told}")
    # Hydra's own options may stand anywhere.
    assert command("model=mf", "--cfg", "job").returncode == 0


@pytest.mark.slow
def test_in_a_sweep_each_job_is_tried_and_told(command: Callable[..., Any]) -> None:
    done = command("-m", "track=none", "seed=1,2", "model.factors=x")
    assert done.returncode == 2
    *jobs, last = done.stderr.splitlines()
    assert jobs == ["rexp: model.factors='x' has the wrong type: a whole number is wanted, not text"] * 2
    assert last.startswith("rexp: 2 of 2 jobs failed")


def test_a_sweep_with_an_unknown_option_starts_no_job(command: Callable[..., Any]) -> None:
    done = command("-m", "track=none", "model=pop,nosuch")
    assert only_line(done).startswith("model=nosuch: there is no such option")


def test_a_traceback_can_be_asked_for(command: Callable[..., Any]) -> None:
    done = command("--cfg", "job", "model=nfc", env={"HYDRA_FULL_ERROR": "1"})
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_an_error_of_the_run_itself_is_not_explained_away() -> None:
    assert user_message(ValueError("a bug"), ["seed=1"], composing=False) is None
    assert user_message(KeyError("a bug"), ["seed=1"], composing=True) is None

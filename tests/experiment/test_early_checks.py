"""What is wrong with a student, its stages or its retriever is told before its teacher is trained."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig

from rexp.errors import RexpError
from rexp.experiment.run import run
from rexp.hydra.compose import compose_job, hydra_session
from rexp.store.store import Store

Job = Callable[..., DictConfig]
COMMON = ("data=csv", "track=none", "measure.latency=false", "model=mf", "compress=kd", "train.progress=none")
QUANT = ("compress.order=[[fit,distill],quant]",)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """The configuration of a student on a file of its own."""
    draw = random.Random(0)
    lines = [f"{user},{item},{n}" for user in range(20) for n, item in enumerate(draw.sample(range(15), 6))]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    with hydra_session():
        yield lambda *words: compose_job(
            [*COMMON, f"data.path={tmp_path / 'mine.csv'}", f"paths.store={tmp_path / 'runs'}", *words]
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["+model.fctors=3"], "model.fctors is not an option here"),
        (["model.factors=x"], "model.factors='x' has the wrong type"),
        (["model.fit.optimizer=adm"], "model.fit.optimizer='adm' is not allowed; did you mean 'adam'?"),
        (["model.fit.sampler.n=0"], "sampler: n=0 must be 1 or more"),
        (["compress.stages.distill.mode=nothing"], "compress.stages.distill.mode='nothing' is not allowed"),
        ([*QUANT, "+compress.stages.quant={name: rowwise, targets: []}"], "stages.quant.targets=[] leaves nothing"),
        ([*QUANT, "+compress.stages.quant={name: half, ignore: ['*']}"], "stages.quant.ignore=['*'] leaves nothing"),
        (["compress.finetune.max_epochs=0"], "compress.finetune: max_epochs=0 must be at least 1"),
        (["evaluate=two_stage", "retriever=hnsw", "retriever.m=x"], "retriever.m='x' has the wrong type"),
        (["+track.mine={name: csv, fle: x}"], "track.mine.fle is not an option here; did you mean 'file'?"),
        (["evaluate=two_stage", "retriever=flat", "retriever.n_candidates=5"], "retriever.n_candidates=5 is less than"),
        (["train.monitor=hr@7"], "hr@7"),
        (["retriever=flat"], "retriever=flat is used by evaluate=two_stage alone"),
        (["evaluate=sampled", "evaluate.candidates.n=500"], "evaluate.candidates.n is 500, but at most"),
        (["model.init_from=abc"], "no run"),
    ],
)
def test_no_teacher_is_trained_for_it(job: Job, tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(RexpError) as caught:
        run(job(*words))
    assert message in str(caught.value)
    assert list(Store(tmp_path / "runs").runs()) == []
    assert [file.parent.name for file in (tmp_path / "runs").glob("*/config.yaml")] == []

"""Plans beside the runs that they are of: ids, the store, and bytes that are worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rexp.__main__ import main
from rexp.errors import ConfigError
from rexp.estimate import closed_form_probe, limits, probe
from rexp.estimate.planner import Planner
from rexp.estimate.records import Job, Part
from rexp.experiment.run import run

if TYPE_CHECKING:
    from omegaconf import DictConfig

USERS, ITEMS, FACTORS = 40, 30, 4
WEIGHTS = 4 * (USERS * FACTORS + ITEMS * (FACTORS + 1))
"""Bytes of mf, whose items have a bias."""


@pytest.fixture
def job(table: Path, tmp_path: Path, composed: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """A small job on the table, with words of one's own."""
    common = [
        *("data=csv", f"data.path={table}", f"paths.store={tmp_path / 'runs'}", f"paths.cache={tmp_path / 'cache'}"),
        *("track=[]", "measure.latency=false", "train.progress=none", "train.batch_size=64", "train.max_epochs=2"),
    ]
    return lambda *words: composed(*common, *words)


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def bytes_of(parts: tuple[Part, ...]) -> dict[str, int]:
    return {part.what: part.bytes for part in parts}


def own(jobs: list[Job]) -> Job:
    return jobs[-1]


@pytest.mark.parametrize(("optimizer", "moments"), [("adam", 2), ("adagrad", 1), ("sgd", 0)])
def test_bytes_of_mf_are_those_of_its_numbers(job: Any, optimizer: str, moments: int) -> None:
    words = ("model=mf", f"model.factors={FACTORS}", f"train.optimizer={optimizer}", "train.select_epoch=best")
    planned = own(Planner(probing=False).plan(job(*words)))
    memory, disk = bytes_of(planned.memory), bytes_of(planned.disk)
    assert {memory["model"], memory["gradients"], memory["weights to select from"], disk["weights"]} == {WEIGHTS}
    assert memory["optimizer"] == moments * WEIGHTS
    assert disk["checkpoint, until the run is done"] == (2 + moments) * WEIGHTS
    assert disk["values of every user"] == 8 * USERS * (1 + 7)  # seven metrics have a value a user
    assert not planned.seconds.known
    assert not planned.seconds.complete


def test_the_dense_weights_of_ease_are_counted(job: Any) -> None:
    """A number of 4 bytes for every pair of items; the interactions are those of the training part."""
    planned = own(Planner(probing=False).plan(job("model=ease")))
    assert bytes_of(planned.disk)["weights"] == 4 * ITEMS**2
    assert bytes_of(planned.memory)["model"] >= 4 * ITEMS**2 + 8 * planned.rows


def test_the_probe_leaves_nothing_in_the_store_and_foretells_the_run(job: Any, tmp_path: Path) -> None:
    words = ("model=mf", f"model.factors={FACTORS}", "compress=kd", "model@teacher=mf", "teacher.factors=8")
    teacher, student = Planner().plan(job(*words))
    assert not files(tmp_path / "runs")
    assert (teacher.role, student.role) == ("teacher", "run")
    assert student.seconds.known > 0
    assert student.seconds.complete
    assert [step.words for step in student.steps] == ["fit+distill", "evaluate"]
    assert "2 epochs" in student.steps[0].note
    assert bytes_of(student.memory)["teacher"] == 4 * (USERS * 8 + ITEMS * 9)
    assert bytes_of(student.memory)["activations of a step"] > 0

    made = run(job(*words)).result
    assert (student.run, teacher.run) == (made.run_id, made.config["teacher"])
    before = files(tmp_path / "runs")
    (again,) = Planner().plan(job(*words))
    assert (again.where, again.run) == ("stored", made.run_id)
    assert (again.seconds.known, again.peak_bytes, again.disk_bytes) == (0, 0, 0)
    assert files(tmp_path / "runs") == before

    forced = own(Planner(probing=False).plan(job(*words, "force=true")))
    assert (forced.run, forced.where) == (made.run_id, "planned")


def test_a_step_of_a_stored_run_costs_nothing(job: Any) -> None:
    made = run(job("model=mf", f"model.factors={FACTORS}")).result
    other = own(Planner().plan(job("model=mf", f"model.factors={FACTORS}", "evaluate.k=[10,5]")))
    assert [step.where for step in other.steps] == ["stored", "planned"]
    assert made.run_id in other.steps[0].note
    assert other.seconds == other.steps[1].seconds


def test_what_jobs_share_is_counted_once(job: Any) -> None:
    planner = Planner(probing=False)
    plain = own(planner.plan(job("model=mf"), sweeping=True))
    smaller = own(planner.plan(job("model=mf", "compress=quantize"), sweeping=True))
    assert [step.where for step in plain.steps] == ["planned", "planned"]
    assert smaller.steps[0].where == "shared"
    assert plain.run in smaller.steps[0].note
    twice = own(planner.plan(job("model=mf"), sweeping=True))
    assert (twice.where, twice.run, twice.disk_bytes) == ("shared", plain.run, 0)


def test_a_teacher_that_learns_beside_its_student_is_counted(job: Any) -> None:
    """Its parameters, their gradients and Adam's two moments."""
    words = ("model=mf", f"model.factors={FACTORS}", "compress=bd", "model@teacher=mf", "teacher.factors=8")
    (planned,) = Planner().plan(job(*words))
    assert bytes_of(planned.memory)["stages at work inside"] == 4 * 4 * (USERS * 8 + ITEMS * 9)


def test_a_closed_form_is_fitted_and_a_model_of_two_stages_is_not_timed(job: Any) -> None:
    pop = own(Planner().plan(job("model=pop")))
    assert pop.seconds.complete
    assert pop.steps[0].note == "fitted"
    two_stage = own(
        Planner().plan(job("model=mf", "evaluate=two_stage", "retriever=flat", "retriever.n_candidates=20"))
    )
    assert two_stage.steps[0].seconds.complete
    assert not two_stage.steps[1].seconds.complete


def test_a_closed_form_is_carried_on_and_refuses_nothing(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = int(run(job("model=itemknn", "model.top_k=5")).result.cost["tensor_bytes"])
    monkeypatch.setattr(probe, "SECONDS", 0.0)
    monkeypatch.setattr(closed_form_probe, "FEWEST", ITEMS // 2)
    monkeypatch.setattr(closed_form_probe, "peak_bytes", lambda: 10**15)
    monkeypatch.setattr(closed_form_probe, "resident_bytes", lambda: 1)
    planned = own(Planner().plan(job("model=itemknn", "model.top_k=5", "seed=9")))
    assert planned.steps[0].note == f"from fits of up to {ITEMS // 2} of {ITEMS} items"
    assert bytes_of(planned.memory)["inside of the fit"] > 10**15
    assert bytes_of(planned.disk)["weights"] == pytest.approx(real, rel=0.3)


def test_a_catalogue_too_large_for_ease_is_refused_as_by_the_run(job: Any) -> None:
    words = ("model=ease", "model.max_bytes=10000")
    with pytest.raises(ConfigError, match=r"ease needs .* itemknn or lightgcn") as refused:
        Planner().plan(job(*words))
    with pytest.raises(ConfigError) as of_the_run:
        run(job(*words))
    assert str(refused.value) == str(of_the_run.value)


def test_what_cannot_fit_is_refused_with_its_option(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = Planner()
    planner.program_bytes = 0
    monkeypatch.setattr(limits, "machine_bytes", lambda: 100_000)
    with pytest.raises(ConfigError, match=r"checkpoint.*: make it smaller with model\.factors$"):
        planner.plan(job("model=mf", "model.factors=1000", "evaluate.block_bytes=1000"))
    monkeypatch.setattr(limits, "machine_bytes", lambda: 50_000)
    with pytest.raises(ConfigError, match=r"scores of the evaluation.*: make it smaller with evaluate\.block_bytes$"):
        planner.plan(job("model=pop"))


def test_the_disk_counts_too(tmp_path: Path) -> None:
    parts = [Part("weights", 3_000, "model.factors"), Part("values", 7_000, "evaluate.metrics")]
    limits.check_disk("a run", parts, tmp_path / "not" / "yet", available=10_000)
    assert limits.disk_free(tmp_path / "not" / "yet") > 0
    with pytest.raises(ConfigError, match=r"values with .* evaluate\.metrics, or take another disk with paths\.store"):
        limits.check_disk("a run", parts, tmp_path, available=9_999)


def test_the_verb(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["data=csv", f"data.path={table}", f"paths.store={tmp_path}", "track=none", "--no-probe"]
    assert main(["plan", "-m", *common, "model=mf,pop", "seed=0,1"]) == 0
    told = capsys.readouterr().out
    assert "4 of 4 runs to compute" in told
    titles = [" ".join(line.split()[1:3]) for line in told.splitlines() if line.startswith((" run   m", " run  m"))]
    assert titles == ["model=mf seed=0", "model=mf seed=1", "model=pop seed=0", "model=pop seed=1"]
    assert main(["plan", *common, "model=mf"]) == 0
    told = capsys.readouterr().out
    assert "reference" in told
    assert "model=ease" in told
    assert main(["plan", *common, "model=ease", "model.max_bytes=10"]) == 2
    assert "max_bytes" in capsys.readouterr().err

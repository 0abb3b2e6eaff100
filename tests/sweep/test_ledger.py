"""The record of a sweep, as its jobs write it and others read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.errors import StoreError
from rexp.sweep.ledger import Ledger, find, name_of, read_sweep, sweeps
from rexp.sweep.status import JobState, counts, seconds_left, state, states

JOBS = (("model=mf", "seed=1"), ("model=mf", "seed=2"), ("model=pop", "seed=1"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / ".sweeps" / name_of(JOBS), JOBS, workers=2).open()


def test_a_job_goes_from_to_do_to_done(ledger: Ledger) -> None:
    assert state(ledger, 0).status == "to do"
    with ledger.hold(0):
        ledger.write(0, "started")
        assert state(ledger, 0).status == "running"
        ledger.write(0, "computing", run="abc")
        assert state(ledger, 0).run == "abc"
        ledger.write(0, "done", run="abc", cached=False, seconds=3.0)
    done = state(ledger, 0)
    assert (done.status, done.run, done.computed, done.seconds) == ("done", "abc", True, 3.0)


def test_a_job_whose_process_is_gone_is_interrupted(ledger: Ledger) -> None:
    ledger.write(1, "started")
    assert state(ledger, 1).status == "interrupted"
    assert counts(states(ledger)) == {"interrupted": 1, "to do": 2}


def test_the_same_sweep_again_goes_on_in_its_ledger(ledger: Ledger) -> None:
    ledger.write(0, "done", run="abc", cached=False, seconds=3.0)
    ledger.write(1, "failed", error="too large", kind="ConfigError")
    assert state(ledger, 1).error == "too large"
    again = Ledger(ledger.directory, JOBS).open()
    assert again.round == 2
    assert [job.status for job in states(again)] == ["done", "to do", "to do"]
    assert again.read_own(0) == []
    again.write(0, "done", run="abc", cached=True)
    assert [record.cached for record in again.read_own(0)] == [True]
    assert state(again, 0).computed, "it was computed here, though not by the last command"
    assert [kept.name for kept in sweeps(ledger.directory.parents[1])] == [ledger.name]


def test_a_line_that_was_cut_short_is_left_out(ledger: Ledger) -> None:
    ledger.write(0, "started")
    with ledger.record_file(0).open("a") as file:
        file.write('{"event": "do')
    assert state(ledger, 0).status == "interrupted"
    ledger.write(0, "done", run="abc", cached=True)
    assert state(ledger, 0).status == "done", "the next event begins a line of its own"


def test_the_name_follows_from_the_jobs_alone() -> None:
    assert name_of(JOBS) != name_of(JOBS[:2])
    assert name_of(JOBS) == name_of([[*words, "on_error=stop"] for words in JOBS])


def test_a_sweep_is_found_by_the_beginning_of_its_name(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    store = ledger.directory.parents[1]
    assert find(store, ledger.name[:4]) == find(store, None) == read_sweep(ledger.directory)
    with pytest.raises(StoreError, match="there are"):
        find(store, "zzz")
    with pytest.raises(StoreError, match="holds no sweep"):
        find(store / "elsewhere", None)
    (ledger.directory / "sweep.json").write_text("{")
    assert sweeps(store) == []
    assert "cannot be read" in capsys.readouterr().err


def job(number: int, status: str, seconds: float | None = None, *, computed: bool = False) -> JobState:
    return JobState(number, (), status, computed=computed, seconds=seconds)  # type: ignore[arg-type]


def test_the_time_left_follows_from_what_was_computed() -> None:
    done = [job(0, "done", 10.0, computed=True), job(1, "done", 20.0, computed=True), job(2, "done")]
    assert seconds_left([job(0, "to do")], 2) is None
    assert seconds_left([job(0, "done"), job(1, "to do")], 1) is None, "an answer of the store tells nothing"
    assert seconds_left([*done, job(3, "to do"), job(4, "to do")], 1) == 30
    assert seconds_left([*done, job(3, "to do"), job(4, "to do")], 2) == 15
    assert seconds_left([*done, job(3, "to do")], 8) == 15, "no more jobs at once than there are"
    assert seconds_left([*done, job(3, "running", 5.0), job(4, "running", 15.0)], None) == 10
    assert seconds_left([*done, job(3, "running", 99.0)], 1) == 0

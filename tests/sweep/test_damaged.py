"""Where a sweep stands whose store, or whose ledger, is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.sweep.ledger import Ledger
from tests.report.stores import add_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a sweep of two runs that are done."""
    root = tmp_path / "runs"
    ledger = Ledger(root / ".sweeps" / "0123456789", (("seed=1",), ("seed=2",)), command=("-m", "seed=1,2")).open()
    for number, run in enumerate(("4a0", "4a1")):
        add_run(root, run, number, "mf", 4, 0.1)
        ledger.write(number, "done", run=run, cached=False, seconds=1.0)
    return root


@pytest.mark.parametrize("verb", ["status", "list"])
def test_what_is_whole_is_no_failure(verb: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", verb, str(root)]) == 0
    out, err = capsys.readouterr()
    assert "2/2 done" in out
    assert err == ""


@pytest.mark.parametrize("verb", ["status", "list"])
@pytest.mark.parametrize(
    ("damaged", "text", "told", "counted"),
    [
        ("4a0/result.json", "{", "is damaged", "1/2 done · 1 to do"),
        (".sweeps/0123456789/jobs/0000.jsonl", "{\n", "1 of 1 lines are cut short or damaged", "1/2 done · 1 to do"),
        (".sweeps/aaaaaaaaaa/sweep.json", "{", "cannot be read", "2/2 done"),
    ],
    ids=["result", "ledger", "sweep"],
)
def test_the_others_are_shown_and_what_is_damaged_is_named_once(
    verb: str, damaged: str, text: str, told: str, counted: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = root / damaged
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    assert main(["sweep", verb, str(root)]) == 1
    out, err = capsys.readouterr()
    assert counted in out
    assert err.count(str(file)) == 1
    assert told in err
    assert main(["sweep", verb, str(root), "--json"]) == 1
    kept = json.loads(capsys.readouterr().out)
    counts = (kept[0] if verb == "list" else kept)["counts"]
    assert counts.get("to do", 0) == counted.count("to do")

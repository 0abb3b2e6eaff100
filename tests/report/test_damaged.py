"""One damaged run among others."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexp.__main__ import main
from rexp.store import store as stores

from .stores import make_store


@pytest.mark.parametrize("text", ["", "{", "null", '{"status": "done", "run_id": "4a0", "config": 3, "metrics": {}}'])
@pytest.mark.parametrize("form", [[], ["--markdown"], ["--csv", "-"]], ids=" ".join)
def test_the_others_are_shown_and_it_is_named_once(
    text: str, form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores._say.cache_clear()
    root = make_store(tmp_path / "runs")
    assert main(["report", str(root), *form]) == 0
    capsys.readouterr()
    (root / "4a0" / "result.json").write_text(text)
    assert main(["report", str(root), *form]) == 1
    out, err = capsys.readouterr()
    assert err.count(f"{root / '4a0' / 'result.json'} is damaged") == 1
    assert "big" in out

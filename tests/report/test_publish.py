"""Tables and pictures in an offline W&B run, read back from its file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rexp.__main__ import main

from .test_report import RESULTS, save

sys.path.append(str(Path(__file__).parents[1] / "track"))
from offline_run import read_offline_run

if TYPE_CHECKING:
    import pytest


def test_tables_and_the_frontier_become_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    store = save(tmp_path / "runs", RESULTS)
    assert main(["report", str(store), "--cols", "ndcg@10,weight_bytes", "--wandb", "papers"]) == 0
    assert f"is kept offline; 'wandb sync {store}/wandb/offline-run-" in capsys.readouterr().err
    (file,) = store.glob("wandb/offline-run-*/*.wandb")
    run = read_offline_run(file)
    assert run.run.project == "papers"
    assert run.run.job_type == "report"
    logged = {key: value for row in run.history for key, value in row.items()}
    (table_file,) = (value for key, value in logged.items() if key.startswith("ml-1m") and key.endswith("/path"))
    table = json.loads((file.parent / "files" / table_file).read_text())
    columns = ["ndcg@10", "ndcg@10 ± sd", "weight_bytes", "weight_bytes ± sd"]
    assert table["columns"] == ["model", "seeds", *columns, "runs"]
    assert table["data"][0] == ["mf", 3, 0.5, "0.5000 ± 0.2500", 4000, "4,000", "r1 r2 r3"]
    assert (file.parent / "files" / logged["1-ml-1m-protocol-full-frontier/path"]).stat().st_size > 1000

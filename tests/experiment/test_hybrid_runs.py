"""Models whose parts are stored runs: named, verified, loaded again, and part of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import rexp
from rexp.api import ConfigError, DataError, Query
from rexp.experiment.restore import load_model, load_run_split
from rexp.store.store import Store
from rexp.store.verify import verify

if TYPE_CHECKING:
    from rexp.store.result import RunResult

pytestmark = pytest.mark.slow
COMMON = ("track=none", "measure.latency=false", "data=csv", "data/split=leave_last")


def test_parts_are_runs(table: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")

    def run(*words: str) -> RunResult:
        return rexp.run([*COMMON, f"data.path={table}", f"paths.store={store.root}", *words])

    def named(*runs: str) -> str:
        return f"model.runs=[{','.join(runs)}]"

    pop, ease = run("model=pop"), run("model=ease")
    both = named(pop.run_id[:8], ease.run_id[:8])
    blend = run("model=blend", both, "model.weights=[1,3]")
    assert list(blend.runs) == [pop.run_id, ease.run_id]
    assert blend.weights["bytes"] > ease.weights["bytes"]
    other = run("model=blend", named(ease.run_id, pop.run_id), "model.weights=[3,1]")
    assert other.run_id != blend.run_id
    assert other.metrics == pytest.approx(blend.metrics)
    nested = run("model=switch", named(blend.run_id, ease.run_id), "model.by=user", "model.at=[5]")
    assert not [check for check in verify(store, nested.run_id) if check.fault]

    split = load_run_split(nested, None, store.root / ".data")
    models: dict[str, Any] = {its.run_id: load_model(store, its.run_id, split, "test") for its in (blend, nested)}
    query = Query(torch.arange(split.n_users))
    torch.testing.assert_close(models[nested.run_id].parts[0].score_all(query), models[blend.run_id].score_all(query))
    assert torch.equal(models[blend.run_id].weights, torch.tensor([0.25, 0.75]))

    with pytest.raises(ConfigError, match="model=ease is not made of stored runs"):
        run("model=ease", both)
    with pytest.raises(ConfigError, match="model=blend is made of stored runs"):
        run("model=blend")
    with pytest.raises(ConfigError, match=f"names run {pop.run_id} twice"):
        run("model=blend", named(pop.run_id, pop.run_id[:6]))
    with pytest.raises(DataError, match=rf"model\.runs names run {pop.run_id}, which was trained on other data"):
        run("model=blend", both, "data.split.k=2")

    (store.directory(blend.run_id) / "result.json").unlink()
    assert [check.what for check in verify(store, nested.run_id) if check.fault] == [f"part {blend.run_id}"]

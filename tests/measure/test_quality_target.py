"""A student's share of its teacher's metric."""

from __future__ import annotations

import pytest

from rexp.measure.quality_target import quality_gate
from rexp.store.result import RunResult


def result(protocol: str = "p", **metrics: float) -> RunResult:
    named = {name.replace("_at_", "@"): value for name, value in metrics.items()}
    return RunResult({"metrics": named, "facts": {"protocol_id": protocol}, "data": {"fingerprint": "d"}})


@pytest.mark.parametrize(
    ("student", "passes"),
    [(0.5, (True, True)), (0.4996, (True, True)), (0.4951, (True, False)), (0.49, (False, False))],
)
def test_the_first_metric_decides(student: float, passes: tuple[bool, bool]) -> None:
    found = quality_gate(result(ndcg_at_10=student, hr_at_10=0.0), result(ndcg_at_10=0.5, hr_at_10=1.0))
    assert found is not None
    assert found.metric == "ndcg@10"
    assert found.share == student / 0.5
    assert tuple(found.passed.values()) == passes
    assert (found.to_json()["pass99"], found.to_json()["pass99.9"]) == passes


def test_of_an_error_less_is_better() -> None:
    found = quality_gate(result(rmse=1.005), result(rmse=1.0))
    assert found is not None
    assert (found.passed["pass99"], found.passed["pass99.9"]) == (True, False)
    better = quality_gate(result(rmse=0.9), result(rmse=1.0))
    assert better is not None
    assert better.passed["pass99.9"]


def test_what_does_not_compare_is_not_compared() -> None:
    assert quality_gate(result(ndcg_at_10=0.5), result("other", ndcg_at_10=0.5)) is None
    assert quality_gate(result(ndcg_at_10=0.5), result(hr_at_10=0.5)) is None
    assert quality_gate(result(ndcg_at_10=0.5), result(ndcg_at_10=0.0)) is None

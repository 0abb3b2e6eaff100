"""The clock: what is timed, how often, and what comes out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from rexp.measure import latency
from rexp.measure.costs import scorer_of
from rexp.measure.latency import Request, latencies, requests
from rexp.models.mf import MF, MFConfig
from tests.models.helpers import two_tastes

if TYPE_CHECKING:
    import pytest


def asked() -> dict[int, list[Request]]:
    split = two_tastes()
    model = MF(MFConfig(factors=2), split.spec)
    return requests(scorer_of(model, split, ["train"], torch.device("cpu")), [1, 50])


def test_requests_are_of_one_user_each_and_always_the_same() -> None:
    first, second = asked(), asked()
    assert list(first) == [1, 50]
    assert {tuple(request.items.shape) for request in first[50]} == {(1, 50)}
    assert {len(request.query.users) for request in first[1]} == {1}
    assert all(torch.equal(a.items, b.items) for a, b in zip(first[50], second[50], strict=True))
    assert len({int(request.query.users) for request in first[1]}) > 10


def test_times_are_of_each_size_in_milliseconds() -> None:
    calls: list[int] = []

    def score(request: Request) -> None:
        calls.append(request.items.shape[1])
        time.sleep(request.items.shape[1] * 1e-4)

    found = latencies(score, asked(), repeats=7)
    assert set(found) == {f"score_{n}_p{share}_ms" for n in (1, 50) for share in (10, 50, 95)}
    assert 5 <= found["score_50_p10_ms"] <= found["score_50_p50_ms"] <= found["score_50_p95_ms"] < 1000
    assert 0.1 <= found["score_1_p10_ms"] < 5
    assert calls == [1, 50] * (latency.WARM_UP + 7)  # in turn


def test_a_slow_size_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "SECONDS", 0.2)
    calls: list[int] = []

    def score(request: Request) -> None:
        calls.append(request.items.shape[1])
        time.sleep(0.05 if request.items.shape[1] == 50 else 0)

    latencies(score, asked(), repeats=60)
    assert calls.count(50) == latency.WARM_UP + latency.FEWEST
    assert calls.count(1) == latency.WARM_UP + 60

"""Statistics against independent implementations, on planted data, and where nothing differs."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from rexp.report.statistics import compare, effect_size, holm, interval


def planted(n: int = 400, shift: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, n)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(max_examples=40)
def test_holm_is_statsmodels_holm(values: list[float]) -> None:
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])


def test_the_t_test_is_statsmodels_and_the_effect_is_its_statistic_by_root_n() -> None:
    differences = planted()
    statistic, p, _ = DescrStatsW(differences).ttest_mean(0.0)
    (found,) = compare([differences], "t")
    assert found.p == pytest.approx(p, rel=1e-9)
    assert found.effect == pytest.approx(statistic / np.sqrt(len(differences)), rel=1e-9)
    assert found.difference == differences.mean()
    assert found.n_users == 400


def test_wilcoxon_by_its_own_formula() -> None:
    differences = planted(300, 0.15)
    differences[:50] = 0.0
    kept = differences[differences != 0]
    ranks = stats.rankdata(np.abs(kept))
    above, n = ranks[kept > 0].sum(), len(kept)
    mean, deviation = n * (n + 1) / 4, np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    (found,) = compare([differences], "wilcoxon")
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(above - mean) / deviation), rel=1e-6)


def test_the_interval_is_the_percentile_bootstrap_and_the_same_each_time() -> None:
    differences = planted(2000, 0.5)
    low, high = interval(differences)
    theirs = stats.bootstrap((differences,), np.mean, method="percentile", n_resamples=5000, rng=1).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.005)
    assert (low, high) == interval(differences)
    normal = 1.96 * differences.std(ddof=1) / np.sqrt(2000)
    assert (high - low) / 2 == pytest.approx(normal, rel=0.1)


def test_blocks_do_not_change_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = planted(500)
    whole = interval(differences)
    monkeypatch.setattr("rexp.report.statistics.BLOCK_BYTES", 8 * 500 * 7)
    assert interval(differences) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("test", ["wilcoxon", "t"])
def test_what_does_not_differ_is_significant_in_one_of_twenty_draws(test: str) -> None:
    """200 comparisons of a system with itself under noise: 10 are expected below 0.05, and 2 to 20 in all but a few of
    ten thousand such experiments."""
    random = np.random.default_rng(7)
    found = compare([random.normal(0, 1, 120) - random.normal(0, 1, 120) for _ in range(200)], test)  # type: ignore[arg-type]
    assert 2 <= sum(one.p < 0.05 for one in found) <= 20
    assert sum(one.significant for one in found) <= 1, "adjusted, a false alarm anywhere is one in twenty"
    assert 180 <= sum(one.low <= 0 <= one.high for one in found) <= 198


def test_what_differs_is_found() -> None:
    for test in ("wilcoxon", "t"):
        (found,) = compare([planted(2000, 0.2)], test)  # type: ignore[arg-type]
        assert found.significant
        assert found.low < 0.2 < found.high


def test_nothing_at_all_differs() -> None:
    (found,) = compare([np.zeros(10)], "wilcoxon")
    assert (found.difference, found.p, found.effect, found.low, found.high) == (0, 1, 0, 0, 0)
    assert effect_size(np.full(5, -0.5)) == -inf
    assert compare([np.array([0.5])], "t")[0].p == 1.0
    assert compare([], "t") == []
    assert np.isnan(interval(np.array([]))).all()

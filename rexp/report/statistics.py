"""Is one row better than another? Paired over users: tests, effect sizes, intervals, Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Test = Literal["wilcoxon", "t"]
RESAMPLES = 2000
ALPHA = 0.05
BLOCK_BYTES = 2**26


@dataclass(frozen=True)
class Comparison:
    """Comparison of one row with its baseline by one metric.

    Args:
        difference: mean over users of value - baseline's value.
        low, high: of the 95 % bootstrap interval of ``difference``.
        effect: Cohen's d of paired values: the mean difference by the standard deviation of the differences.
        p: of the test, two-sided.
        adjusted: ``p`` after Holm's correction over all comparisons of its column.
        n_users: with a value in both; 0 where folds are compared.
        n_folds: with a value in both; 0 where users are compared.
    """

    difference: float
    low: float
    high: float
    effect: float
    p: float
    adjusted: float
    n_users: int
    n_folds: int = 0

    @property
    def significant(self) -> bool:
        return self.adjusted < ALPHA


def compare(differences: Sequence[Array], test: Test) -> list[Comparison]:
    """Test several rows against their baselines: one family, whose p-values are adjusted together.

    Args:
        differences: of each row (n_users,) float64, without NaN; at least one user.
        test: ``wilcoxon``, the signed-rank test, where users without a difference are left out (Wilcoxon 1945); or
            ``t``, Student's paired test.
    """
    values = [p_value(difference, test) for difference in differences]
    adjusted = holm(values)
    return [
        Comparison(
            difference=float(values_.mean()),
            low=(ends := interval(values_))[0],
            high=ends[1],
            effect=effect_size(values_),
            p=p,
            adjusted=p_adjusted,
            n_users=len(values_),
        )
        for values_, p, p_adjusted in zip(differences, values, adjusted, strict=True)
    ]


def compare_folds(differences: Sequence[Array], test_shares: Sequence[float]) -> list[Comparison]:
    """Test several rows against their baselines over the folds of cross-validation, as one family of tests.

    The training parts of folds overlap, so that their differences d_1 .. d_n are not independent and Student's test
    finds too much. The corrected resampled t-test (Nadeau and Bengio: Inference for the generalization error, Machine
    Learning 52, 2003) takes ``t = mean(d) / sqrt((1/n + n_test/n_train) var(d))``, with n - 1 degrees of freedom.
    The interval is of the same t.

    Args:
        differences: of each row (n_folds,) float64, without NaN; at least one fold.
        test_shares: of each row n_test / n_train, the mean over its folds.
    """
    tests = [_corrected(one, share) for one, share in zip(differences, test_shares, strict=True)]
    adjusted = holm([p for p, _ in tests])
    return [
        Comparison(
            difference=(mean := float(one.mean())),
            low=mean - reach,
            high=mean + reach,
            effect=effect_size(one),
            p=p,
            adjusted=p_adjusted,
            n_users=0,
            n_folds=len(one),
        )
        for one, (p, reach), p_adjusted in zip(differences, tests, adjusted, strict=True)
    ]


def _corrected(differences: Array, test_share: float) -> tuple[float, float]:
    """p, and half of the 95 % interval's width, of the corrected resampled t-test."""
    n = len(differences)
    if n < 2:
        return 1.0, float("inf")
    error = float(np.sqrt((1 / n + test_share) * differences.var(ddof=1)))
    if error == 0:
        return (0.0 if differences.any() else 1.0), 0.0
    p = 2 * float(_stats().t.sf(abs(differences.mean()) / error, n - 1))
    return p, error * float(_stats().t.ppf(1 - ALPHA / 2, n - 1))


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for being many (Holm 1979): the k-th smallest of m by m - k + 1, never falling.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, largest = [0.0] * len(values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = largest
    return adjusted


def effect_size(differences: Array) -> float:
    """Cohen's d of paired values; 0 where nothing differs, infinite where all differ by the same."""
    if not differences.any():
        return 0.0
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    mean = float(differences.mean())
    return mean / spread if spread else float(np.copysign(np.inf, mean))


def interval(differences: Array, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean, users drawn with replacement (Efron 1979).

    The draws follow from ``seed``, so that a table is the same each time.
    """
    random = np.random.default_rng(seed)
    n = len(differences)
    if not n:  # no user has a value
        return float("nan"), float("nan")
    at_once = max(1, BLOCK_BYTES // (8 * n))
    means = [
        differences[random.integers(n, size=(min(at_once, resamples - start), n))].mean(1)
        for start in range(0, resamples, at_once)
    ]
    low, high = np.quantile(np.concatenate(means), [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def p_value(differences: Array, test: Test) -> float:
    """Of one paired test, two-sided; see :func:`compare`. 1 where nothing differs."""
    if len(differences) < 2 or not differences.any():
        return 1.0
    if test == "wilcoxon":
        return float(_stats().wilcoxon(differences).pvalue)
    if differences.std() == 0:
        return 0.0
    return float(_stats().ttest_1samp(differences, 0.0).pvalue)


def _stats() -> Any:
    """scipy.stats, which takes half a second to load: most tables have no test."""
    from scipy import stats

    return stats

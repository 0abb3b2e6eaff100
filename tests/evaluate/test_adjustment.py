"""Calibration and thresholds: fitted on validation rows, applied to test rows, as scikit-learn computes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rexp.config.validation import validation_config
from rexp.errors import ConfigError, DataError
from rexp.evaluate.adjustment import told
from rexp.evaluate.calibration import fit_isotonic, fit_platt
from rexp.evaluate.config import DecisionConfig, EvaluateConfig, check
from rexp.evaluate.decision import choose_threshold
from rexp.evaluate.evaluator import Evaluator, evaluate

from .helpers import fixed, interactions, make_split

N_USERS, N_ITEMS = 40, 30
ROWS = ["auc", "logloss", "ece", "accuracy", "precision", "recall", "f1", "balanced_accuracy"]


def labeled(n, seed):
    """Scores in steps of a tenth, three times as steep as the labels are, and few positives."""
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=n) - 1, 1)
    return scores, rng.random(n) < 1 / (1 + np.exp(-scores / 3 + 1))


def made(seed=0, valid=True):
    """A table of scores and a split with labeled validation and test rows."""
    rng = np.random.default_rng(seed)
    table = np.round(3 * rng.normal(size=(N_USERS, N_ITEMS)) - 1, 1).astype(np.float32)
    labels = (rng.random(table.shape) < 1 / (1 + np.exp(-table / 3 + 1))).astype(np.float32)
    pairs = [(user, item) for user in range(N_USERS) for item in range(N_ITEMS)]
    places = rng.permutation(len(pairs))
    parts = [sorted(pairs[place] for place in chosen) for chosen in (places[:100], places[100:700], places[700:])]
    split = make_split(parts[0], parts[2], n_users=N_USERS, n_items=N_ITEMS, protocol="pointwise")
    train, held, test = (interactions(rows, [labels[pair] for pair in rows]) for rows in parts)
    return table, replace(split, train=train, valid=held if valid else split.valid, test=test)


def rows_of(table, part):
    return table[part.users, part.items].astype(np.float64), part.ratings > 0


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(protocol="pointwise", row_metrics=ROWS, **options)


def by(rule, at_least=None):
    return DecisionConfig(rule, at_least)


def test_platt_scaling_is_that_of_scikit_learn():
    scores, positive = labeled(400, 0)
    scored = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    scored.coef_, scored.intercept_ = np.ones((1, 1)), np.zeros(1)  # its decision is the score
    theirs = CalibratedClassifierCV(FrozenEstimator(scored), method="sigmoid", cv=2, ensemble=False)
    theirs.fit(scores[:, None], positive.astype(int))
    own = fit_platt(torch.tensor(scores), torch.tensor(positive)).logits(torch.tensor(scores)).sigmoid()
    assert own.numpy() == pytest.approx(theirs.predict_proba(scores[:, None])[:, 1], abs=1e-4)


def test_platt_scaling_is_finite_where_a_score_tells_all():
    scores = torch.tensor([-2.0, -1.0, 1.0, 2.0])
    platt = fit_platt(scores, scores > 0)
    assert 0 < platt.slope < 100
    assert platt.intercept == pytest.approx(0, abs=1e-4)
    constant = fit_platt(torch.full((4,), 7.0), torch.tensor([True, False, False, False]))
    assert constant.logits(torch.tensor([7.0])).sigmoid().item() == pytest.approx((2 / 3 + 3 / 5) / 4, abs=1e-6)


def test_isotonic_regression_is_that_of_scikit_learn():
    scores, positive = labeled(400, 1)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, positive)
    asked = np.linspace(-6, 6, 101)
    own = fit_isotonic(torch.tensor(scores), torch.tensor(positive)).logits(torch.tensor(asked)).sigmoid()
    assert own.numpy() == pytest.approx(theirs.predict(asked), abs=1e-6)
    assert own.isfinite().all()


def best_f1(q, positive):
    """The highest of all thresholds that decide otherwise, tried one by one."""
    tried = np.unique(q)
    values = [sklearn.metrics.f1_score(positive, q >= threshold) for threshold in tried]
    return max(values), tried[np.flatnonzero(np.array(values) == max(values))[-1]]


def test_the_threshold_with_the_best_f1():
    scores, positive = labeled(300, 2)
    q = 1 / (1 + np.exp(-scores))
    found = choose_threshold(by("f1"), torch.tensor(q), torch.tensor(positive))
    value, lowest_decided = best_f1(q, positive)
    assert found.value == pytest.approx(value)
    assert ((q >= found.at) == (q >= lowest_decided)).all()
    assert found.at not in q


def test_thresholds_by_hand():
    q, positive = torch.tensor([0.9, 0.8, 0.6, 0.3, 0.2]).double(), torch.tensor([True, False, True, True, False])
    assert choose_threshold(by("f1"), q, positive).at == pytest.approx(0.25)  # 3 of 4: 6 / 7
    assert choose_threshold(by("accuracy"), q, positive).at == pytest.approx(0.25)
    # One positive of five rows that look alike: to decide none positive is right of four.
    rare = torch.tensor([False, True, False, False, False])
    none = choose_threshold(by("accuracy"), q.clone().fill_(0.2), rare)
    assert (none.value, bool((q.clone().fill_(0.2) >= none.at).any())) == (0.8, False)
    assert choose_threshold(by("precision", 0.7), q, positive).at == pytest.approx(0.25)  # 3/4, with the most positives
    assert choose_threshold(by("precision", 0.8), q, positive).at == pytest.approx(0.85)
    assert choose_threshold(by("recall", 0.6), q, positive).at == pytest.approx(0.45)
    assert choose_threshold(by("recall", 1.0), q, positive).at == pytest.approx(0.25)
    missed = choose_threshold(by("precision", 0.8), q, ~positive)
    assert (missed.at, missed.value, missed.reached) == (pytest.approx(0.7), pytest.approx(0.5), False)
    # Balanced accuracy: all positives and one of two negatives, (1 + 1/2) / 2, against (1/3 + 1) / 2.
    assert choose_threshold(by("balanced_accuracy"), q, positive).value == pytest.approx(0.75)


def test_equal_probabilities_are_decided_together():
    q, positive = torch.tensor([0.5, 0.5, 0.5, 0.1]).double(), torch.tensor([True, True, False, True])
    assert choose_threshold(by("precision", 0.7), q, positive).at == pytest.approx(0.05)


@pytest.mark.parametrize("method", ["none", "platt", "isotonic"])
def test_the_threshold_comes_from_validation_and_decides_the_test(method):
    table, split = made()
    found = evaluate(fixed(table), split, rules(calibrate=method, decision=by("f1")))
    valid, test = rows_of(table, split.valid), rows_of(table, split.test)
    fits = {"none": lambda *_: None, "platt": fit_platt, "isotonic": fit_isotonic}
    calibration = fits[method](torch.tensor(valid[0]), torch.tensor(valid[1]))

    def probabilities(scores):
        logits = torch.tensor(scores) if calibration is None else calibration.logits(torch.tensor(scores))
        return logits.sigmoid().numpy()

    value, lowest_decided = best_f1(probabilities(valid[0]), valid[1])
    decided = probabilities(test[0]) > lowest_decided - 1e-9
    assert found.facts["chosen_threshold"]["valid"] == pytest.approx(value)
    assert found.metrics["f1"] == pytest.approx(sklearn.metrics.f1_score(test[1], decided))
    assert found.metrics["precision"] == pytest.approx(sklearn.metrics.precision_score(test[1], decided))
    assert found.metrics["logloss"] == pytest.approx(sklearn.metrics.log_loss(test[1], probabilities(test[0])))
    plain = evaluate(fixed(table), split, rules())
    assert found.facts["unadjusted"] == plain.metrics
    assert plain.metrics["f1"] == pytest.approx(sklearn.metrics.f1_score(test[1], test[0] >= 0))
    # The best threshold of the test rows is another: it was not looked for.
    assert found.metrics["f1"] < best_f1(probabilities(test[0]), test[1])[0]


def test_calibration_takes_the_error_away_and_a_line_tells():
    table, split = made()
    for method in ("platt", "isotonic"):
        found = evaluate(fixed(table), split, rules(calibrate=method))
        assert found.metrics["ece"] < 0.06 < 0.1 < found.facts["unadjusted"]["ece"]
        assert found.metrics["logloss"] < found.facts["unadjusted"]["logloss"]
        (line,) = told(found.facts, found.metrics)
        before, after = found.facts["unadjusted"]["ece"], found.metrics["ece"]
        assert line.startswith(
            f"calibrated by {method} on 600 validation rows, ece {before:.4f} -> {after:.4f}, logloss"
        )


def test_platt_scaling_keeps_the_order():
    table, split = made()
    found = evaluate(fixed(table), split, rules(calibrate="platt"))
    assert found.metrics["auc"] == pytest.approx(found.facts["unadjusted"]["auc"], abs=1e-9)


def test_reliability_is_kept_before_and_after():
    table, split = made()
    found = evaluate(fixed(table), split, rules(calibrate="platt", options={"ece": {"bins": 4}}))
    curves = found.facts["reliability"]
    for name, ece in (("scores", found.facts["unadjusted"]["ece"]), ("calibrated", found.metrics["ece"])):
        assert sum(rows for rows, _, _ in curves[name]) == len(split.test)
        weighed = sum(rows * abs(predicted - observed) for rows, predicted, observed in curves[name])
        assert weighed / len(split.test) == pytest.approx(ece)
    assert set(evaluate(fixed(table), split, rules()).facts["reliability"]) == {"scores"}


def test_the_rules_are_others_and_validation_has_none_of_them():
    _, split = made()
    told_apart = [rules(), rules(calibrate="platt"), rules(decision=by("f1")), rules(decision=by("precision", 0.5))]
    ids = {Evaluator(split, one).rules["protocol_id"] for one in told_apart}
    assert len(ids) == 4
    watched = [Evaluator(split, validation_config(one, split), "valid").rules["protocol_id"] for one in told_apart]
    assert len(set(watched)) == 1


def test_a_precision_that_is_not_reached_is_told():
    table, split = made()
    found = evaluate(fixed(table), split, rules(decision=by("precision", 1.0)))
    (line,) = told(found.facts, found.metrics)
    reached = found.facts["chosen_threshold"]["reached"]
    assert line.endswith("less than evaluate.decision.at_least") is not reached


def test_refusals():
    table, split = made(valid=False)
    with pytest.raises(ConfigError, match=r"evaluate\.calibrate is fitted on the validation part, and 'toy' has none"):
        evaluate(fixed(table), split, rules(calibrate="platt"))
    table, split = made()
    with pytest.raises(ConfigError, match=r"evaluate\.decision is fitted on the validation part, and it is what"):
        evaluate(fixed(table), split, rules(decision=by("f1")), "valid")
    same = replace(split, valid=replace(split.valid, ratings=np.zeros(len(split.valid), np.float32)))
    with pytest.raises(DataError, match="all 600 validation rows of 'toy' have the same label"):
        evaluate(fixed(table), same, rules(calibrate="isotonic"))
    with pytest.raises(ConfigError, match="are of labeled rows, but the protocol is full"):
        evaluate(fixed(table), split, replace(rules(calibrate="platt"), protocol="full"))
    with pytest.raises(ValueError, match="by=precision and by=recall alone have one"):
        by("f1", 0.5)
    with pytest.raises(ValueError, match=r"at_least=1\.5 must be above 0"):
        by("recall", 1.5)
    check(rules(calibrate="platt"))


def test_what_has_no_labels_to_adjust_to_is_refused():
    table, split = made()
    with pytest.raises(ConfigError, match=r"evaluate\.calibrate=platt .* rmse read ratings"):
        evaluate(fixed(table), split, EvaluateConfig(protocol="pointwise", row_metrics=["rmse"], calibrate="platt"))

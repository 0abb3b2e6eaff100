"""Thresholds of decisions, chosen on rows that are not measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rexp.metrics._cuts import cuts

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.evaluate.config import DecisionConfig


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold.

    Args:
        at: the probability from which on a row is decided positive.
        value: what the rule looks at, on the rows that it was chosen on.
        reached: the value is what was asked for.
    """

    at: float
    value: float
    reached: bool = True


def choose_threshold(rule: DecisionConfig, q: Tensor, positive: Tensor) -> Threshold:
    """The threshold that a rule wants.

    Thresholds lie halfway between two neighboring probabilities, and between the lowest one and 0: anywhere in between
    the decisions are the same. By accuracy, one above all of them counts too, which decides no row positive.

    Args:
        rule: "f1", "accuracy" and "balanced_accuracy" take the highest value, of several thresholds with it the
            highest; "precision" the lowest threshold whose precision is ``at_least``; "recall" the highest whose recall
            is. Where no precision suffices, the highest one is taken.
        q: (N,) float64, probabilities.
        positive: (N,) bool, of both kinds.
    """
    at = cuts(q, positive)
    thresholds = (at.scores + torch.cat([at.scores[1:], at.scores.new_zeros(1)])) / 2
    values = _values(rule.by, at.true_positives, at.decided, float(positive.sum()), float(len(q)))
    if rule.by == "accuracy":
        none = float((~positive).double().mean())
        if none >= float(values.max()):
            return Threshold(math.nextafter(float(at.scores[0]), math.inf), none)
    if rule.at_least is None:
        place = int(values.argmax())
        return Threshold(float(thresholds[place]), float(values[place]))
    enough = (values >= rule.at_least).nonzero().squeeze(1)
    if len(enough) == 0:
        place = int(values.argmax())
        return Threshold(float(thresholds[place]), float(values[place]), reached=False)
    place = int(enough[-1] if rule.by == "precision" else enough[0])
    return Threshold(float(thresholds[place]), float(values[place]))


def _values(by: str, tp: Tensor, decided: Tensor, p: float, n_rows: float) -> Tensor:
    """(M,) the value of the rule at every threshold, of p positives among all rows."""
    tn = n_rows - p - (decided - tp)
    if by == "precision":
        return tp / decided
    if by == "recall":
        return tp / p
    if by == "accuracy":
        return (tp + tn) / n_rows
    if by == "balanced_accuracy":
        return (tp / p + tn / (n_rows - p)) / 2
    return 2 * tp / (decided + p)

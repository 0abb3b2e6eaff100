"""What is fitted on validation rows and applied to the measured ones: calibration, and the threshold of decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rexp.evaluate.calibration import FITTED_BY, Calibration
from rexp.evaluate.config import DecisionConfig
from rexp.evaluate.decision import Threshold, choose_threshold

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.evaluate.config import EvaluateConfig
    from rexp.io.json_types import Json, JsonView


@dataclass(frozen=True)
class Adjustment:
    """A fitted adjustment.

    Args:
        config: the rules.
        n_rows: it was fitted on.
        calibration: of the scores, or None.
        threshold: of decisions, or None where each metric has its own.
    """

    config: EvaluateConfig
    n_rows: int
    calibration: Calibration | None
    threshold: Threshold | None

    def logits(self, scores: Tensor) -> Tensor:
        """The scores (N,) as metrics of 0/1 labels read them."""
        return scores if self.calibration is None else self.calibration.logits(scores)

    def facts(self) -> Json:
        """``calibration`` and ``chosen_threshold``, as they are stored."""
        found: Json = {}
        if self.calibration is not None:
            found["calibration"] = {"method": self.config.calibrate, "n_rows": self.n_rows, **self.calibration.facts()}
        if self.threshold is not None:
            chosen, rule = self.threshold, self.config.decision
            found["chosen_threshold"] = {
                "by": rule.by, "at": chosen.at, "valid": chosen.value, "n_rows": self.n_rows,
                "reached": chosen.reached,
            }  # fmt: skip
        return found


def adjusts(config: EvaluateConfig) -> bool:
    """Whether these rules fit anything on the validation rows."""
    return config.calibrate != "none" or config.decision.by != "fixed"


def without_adjustment(config: EvaluateConfig) -> EvaluateConfig:
    """The rules without what is fitted on the validation part, so that this part can be measured by them."""
    return replace(config, calibrate="none", decision=DecisionConfig())


def fit_adjustment(config: EvaluateConfig, scores: Tensor, positive: Tensor) -> Adjustment:
    """Fit what the rules ask for.

    Args:
        config: the rules.
        scores: (N,) floating point, of the validation rows.
        positive: (N,) bool, of both kinds.
    """
    calibration = FITTED_BY[config.calibrate](scores, positive) if config.calibrate != "none" else None
    logits = scores.double() if calibration is None else calibration.logits(scores)
    chooses = config.decision.by != "fixed"
    threshold = choose_threshold(config.decision, logits.sigmoid(), positive) if chooses else None
    return Adjustment(config, len(scores), calibration, threshold)


def told(facts: JsonView, metrics: JsonView) -> Iterator[str]:
    """One line for each thing that was fitted, from an evaluation's facts and metrics."""
    before = facts.get("unadjusted", {})
    if calibration := facts.get("calibration"):
        changed = [f"{name} {before[name]:.4f} -> {metrics[name]:.4f}" for name in ("ece", "logloss") if name in before]
        yield ", ".join(
            [f"calibrated by {calibration['method']} on {calibration['n_rows']:,} validation rows", *changed]
        )
    if chosen := facts.get("chosen_threshold"):
        line = f"threshold {chosen['at']:.4f} by {chosen['by']}, {chosen['valid']:.4f} on the validation rows"
        yield line if chosen["reached"] else f"{line}, the highest there, but less than evaluate.decision.at_least"

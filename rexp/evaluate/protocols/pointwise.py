"""Metrics of labeled rows: the protocol pointwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rexp.api import ScoredRows
from rexp.api.metric import LABELS, READS_PROPENSITIES
from rexp.data.interactions import context_groups
from rexp.data.types import PARTS
from rexp.errors import ConfigError, DataError
from rexp.evaluate.adjustment import Adjustment, adjusts, fit_adjustment, without_adjustment
from rexp.evaluate.build_metrics import row_metrics
from rexp.evaluate.config import parts_before
from rexp.evaluate.counted_rows import counted_rows
from rexp.evaluate.list_contexts import features_on
from rexp.evaluate.metric_context import metric_context
from rexp.evaluate.result import Evaluation
from rexp.evaluate.scoring import Scorer, pairs_in
from rexp.metrics._reliability import reliability
from rexp.metrics.options import Bins
from rexp.plugins.options import from_options

if TYPE_CHECKING:
    from rexp.data.interactions import Interactions
    from rexp.data.split import Split
    from rexp.data.types import Array, Part
    from rexp.evaluate.config import EvaluateConfig
    from rexp.io.json_types import Json


class PointwiseTask:
    """The rows of one part of a split with their labels; used again for every model.

    Args:
        split, config, part, device: as in :func:`rexp.evaluate.evaluator.evaluate`.
    """

    def __init__(self, split: Split, config: EvaluateConfig, part: Part, device: torch.device) -> None:
        rows = counted_rows(split, part, config)
        if rows.ratings is None:
            raise ConfigError(
                f"evaluate=pointwise: the {part} part of '{split.name}' has no ratings to take labels from; "
                "use evaluate=full, or data with ratings or 0/1 labels"
            )
        self.users = torch.as_tensor(np.array(rows.users, dtype=np.int64), device=device)
        self.items = torch.as_tensor(np.array(rows.items, dtype=np.int64), device=device)
        self.features = features_on(rows.context, device)
        pairs = rows.users.astype(np.int64) * split.n_items + rows.items
        # A pair of several rows is scored once: in two blocks its scores could differ by rounding, and be no tie. So is
        # one of several rows in the same context, by a model that reads it.
        self.alike = _alike(pairs, device)
        self.alike_in_context = _alike(context_groups(pairs, rows.context), device) if rows.context else self.alike
        self.ratings = torch.as_tensor(np.array(rows.ratings, dtype=np.float32), device=device)
        n_rows = sum(len(split.part(name)) for name in PARTS)
        n_pairs = split.n_users * split.n_items * len(rows) / n_rows
        context = replace(metric_context(split, config, device), n_pairs=n_pairs)
        self.metrics = row_metrics(config.row_metrics, config.options, context)
        self.propensities = self._propensities(split, rows, part, device)
        self.block = pairs_in(config.block_bytes)
        self.range = _range(split) if config.clip else None
        needs_binary = [name for name, metric in self.metrics.items() if _reads(metric) == "binary"]
        self.positive = _positive(self.ratings, config.threshold, needs_binary) if needs_binary else None
        self.split, self.config = split, config
        if adjusts(config) and not needs_binary:
            raise ConfigError(
                f"evaluate.calibrate={config.calibrate} and evaluate.decision.by={config.decision.by} are for metrics "
                f"of labels; {', '.join(self.metrics)} read ratings"
            )
        self.validation = _validation(split, config, part, device) if adjusts(config) else None

    def _propensities(self, split: Split, rows: Interactions, part: Part, device: torch.device) -> Tensor | None:
        if rows.propensities is not None:
            return torch.as_tensor(np.array(rows.propensities, dtype=np.float32), device=device)
        if reading := [name for name, metric in self.metrics.items() if READS_PROPENSITIES.of(metric)]:
            raise ConfigError(
                f"evaluate.row_metrics has {', '.join(reading)}, and the {part} rows of '{split.name}' have no "
                "propensities: name their column (data=csv data.propensity=NAME), or leave it out"
            )
        return None

    def measure(self, scorer: Scorer) -> Evaluation:
        """Score every pair, then take each metric over all rows."""
        scores = self.scores(scorer)
        plain = {name: self._value(name, scores) for name in self.metrics}
        users, counts = torch.unique(self.users, return_counts=True)
        per_user = {"user": users.cpu().numpy(), "n_rows": counts.cpu().numpy()}
        facts: Json = dict(self._facts(users))
        if self.validation is None:
            reliability = self._reliability(scores) if "ece" in self.metrics else {}
            return Evaluation(plain, per_user, facts | reliability)
        adjustment = self.validation.adjustment(scorer, self.config)
        logits, at = adjustment.logits(scores), adjustment.threshold.at if adjustment.threshold else None
        binary = [name for name, metric in self.metrics.items() if _reads(metric) == "binary"]
        values = plain | {name: self._value(name, logits, at) for name in binary}
        facts |= adjustment.facts() | {"unadjusted": {name: plain[name] for name in binary}}
        return Evaluation(values, per_user, facts | self._reliability(scores, logits))

    def adjustment(self, scorer: Scorer, config: EvaluateConfig) -> Adjustment:
        """Fit on these rows what ``config`` asks for, with a history of what comes before them."""
        assert self.positive is not None
        shown = parts_before(config.history, "valid")
        own = Scorer(scorer.model, self.split, shown, scorer.device, config.block_bytes)
        return fit_adjustment(config, self.scores(own), self.positive > 0)

    def _value(self, name: str, scores: Tensor, threshold: float | None = None) -> float:
        metric = self.metrics[name]
        rated = _reads(metric) == "rating"
        labels = self.ratings if rated else self.positive
        assert labels is not None
        read = scores.clamp(*self.range) if rated and self.range else scores
        return float(metric.value(ScoredRows(self.users, self.items, read, labels, threshold, self.propensities)))

    def _reliability(self, scores: Tensor, logits: Tensor | None = None) -> Json:
        """``reliability``: rows, mean probability and share of positives of each bin, of scores and calibrated ones."""
        assert self.positive is not None
        bins = from_options(Bins, self.config.options.get("ece", {}), "evaluate.options.ece")
        known = {"scores": scores} | ({"calibrated": logits} if self.config.calibrate != "none" else {})
        found = {}
        for name, read in known.items():
            assert read is not None
            curve = reliability(read.double().sigmoid(), self.positive > 0, bins.bins, bins.binning)
            found[name] = torch.stack([curve.rows, curve.predicted, curve.observed], 1).tolist()
        return {"reliability": found}

    def scores(self, scorer: Scorer) -> Tensor:
        """(N,) scores of the rows, each in its own context."""
        first, place = self.alike_in_context if scorer.reads_context else self.alike
        blocks = []
        for rows in torch.split(first, self.block):
            users = self.users[rows]
            scores = scorer.pairs_of(
                users, self.items[rows], {name: values[rows] for name, values in self.features.items()}
            )
            scorer.reject_nan(scores, users)
            blocks.append(scores)
        return torch.cat(blocks)[place]

    def _facts(self, users: Tensor) -> dict[str, int]:
        facts = {"n_rows": len(self.users), "n_users_evaluated": len(users)}
        if self.positive is not None:
            is_positive = self.positive > 0
            with_positive, with_negative = torch.unique(self.users[is_positive]), torch.unique(self.users[~is_positive])
            facts["n_positive_rows"] = int(is_positive.sum())
            facts["n_users_with_both_labels"] = int(torch.isin(with_positive, with_negative).sum())
        return facts


def _validation(split: Split, config: EvaluateConfig, part: Part, device: torch.device) -> PointwiseTask:
    """The validation rows, on which is fitted what belongs to no metric of theirs."""
    asked = "evaluate.calibrate" if config.calibrate != "none" else "evaluate.decision"
    if part == "valid" or len(split.valid) == 0:
        why = f"'{split.name}' has none" if part == "test" else "it is what is to be measured"
        raise ConfigError(
            f"{asked} is fitted on the validation part, and {why}; take a split with one, or leave it out"
        )
    rows = PointwiseTask(split, without_adjustment(config), "valid", device)
    assert rows.positive is not None
    if len(torch.unique(rows.positive)) < 2:
        raise DataError(
            f"{asked}: all {len(rows.positive)} validation rows of '{split.name}' have the same label, so nothing can "
            "be fitted on them; take another split, or leave it out"
        )
    return rows


def _alike(keys: Array, device: torch.device) -> tuple[Tensor, Tensor]:
    """A row of each key, in the keys' order, and the place among these of every row."""
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return torch.as_tensor(first, device=device), torch.as_tensor(place, device=device)


def _range(split: Split) -> tuple[float, float]:
    """The lowest and the highest training rating."""
    if split.train.ratings is None:
        raise ConfigError(f"evaluate.clip: the train part of '{split.name}' has no ratings; leave it out")
    return float(split.train.ratings.min()), float(split.train.ratings.max())


def _reads(metric: object) -> str:
    """Which labels a metric reads; one that does not say so reads 0/1."""
    return LABELS.of(metric)


def _positive(ratings: Tensor, threshold: float | None, metrics: list[str]) -> Tensor:
    """(N,) float32 of 1 and 0: the rating reaches the threshold, or is 1 where ratings are labels already.

    Raises:
        ConfigError: no threshold is set, and the ratings are no labels.
    """
    if threshold is not None:
        return (ratings >= threshold).float()
    low, high = float(ratings.min()), float(ratings.max())
    if not bool(((ratings == 1) | (ratings == 0) | (ratings == -1)).all()):
        raise ConfigError(
            f"evaluate.threshold is not set and ratings run from {low:g} to {high:g}: say from which rating on a row "
            f"is positive (evaluate.threshold=4), or leave {', '.join(metrics)} out of evaluate.row_metrics"
        )
    return (ratings > 0).float()

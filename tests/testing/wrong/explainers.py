"""Explainers that each break one rule."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import torch

from rexp.api import ConfigError, Explanation, Query, Reason, Split
from tests.testing.wrong.no_options import NoOptions

CALLS = itertools.count()


class RightExplainer:
    """The parts of EASE's sums."""

    Config = NoOptions

    def __init__(self, config: Any) -> None: ...

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        if type(model).__name__ != "EASE":
            raise ConfigError("it knows EASE alone")
        user, ids = int(query.users[0]), split.items_table()["item"]
        own = sorted(set(split.train.items[split.train.users == user].tolist()))
        values = model.weights[own, item].double().tolist()
        reasons = tuple(Reason(str(ids[one]), value) for one, value in zip(own, values, strict=True))
        score = float(model.score(query, torch.tensor([item])))
        return Explanation(str(split.user_ids()[user]), str(ids[item]), "", score, "history", "exact", 0.0, reasons)


class DenseIds(RightExplainer):
    """explainer.record"""

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        return replace(super().explain(model, split, query, item), item=f"row {item}")


class LeavesOneOut(RightExplainer):
    """explainer.adds-up"""

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        found = super().explain(model, split, query, item)
        return replace(found, base=0.5)


class AnswersAnew(RightExplainer):
    """explainer.repeatable"""

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        return replace(super().explain(model, split, query, item), method=f"sample {next(CALLS)}")


class ChangesTheModel(RightExplainer):
    """explainer.leaves-the-model"""

    def explain(self, model: Any, split: Split, query: Query, item: int) -> Explanation:
        found = super().explain(model, split, query, item)
        model.weights[:, (item + 1) % split.n_items] = 0.0
        return found

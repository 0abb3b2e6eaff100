"""Evaluation of models in memory from Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rexp.config.job import read
from rexp.errors import ConfigError, check_choice
from rexp.evaluate.evaluator import evaluate
from rexp.io.messages import messages_shown_by_default
from rexp.prepare import prepare
from rexp.python.jobs import compose_jobs

if TYPE_CHECKING:
    from torch import nn

    from rexp.data.types import Part
    from rexp.evaluate.result import Evaluation


@messages_shown_by_default()
def evaluate_model(model: nn.Module, overrides: Sequence[str] = (), *, part: Part = "test") -> Evaluation:
    """Measure a model that lies in memory, whoever trained it, by the same rules as runs.

    Args:
        model: has ``capabilities()`` and ``score(query, items)`` (see :class:`rexp.api.Model`); users and items are the
            dense ids of the data.
        overrides: data and rules, as on the command line: ``["data=movietweetings", "evaluate.k=[10,20]"]``.
        part: "test" or "valid", whose interactions are the targets.

    Returns:
        ``.metrics`` by name, ``.per_user`` values, and in ``.facts`` the rules that they were measured under.

    Raises:
        ConfigError: the rules, another part, or a model that lacks what they need.
        RunError: the model gives NaN.
    """
    check_choice("part", part, ("test", "valid"))
    for method in ("capabilities", "score"):
        if not callable(getattr(model, method, None)):
            raise ConfigError(f"{type(model).__name__} has no method {method}(); rexp.api.Model says what a model has")
    request = read(compose_jobs([overrides])[0])
    if request.evaluate.protocol == "two_stage":
        raise ConfigError("evaluate=two_stage measures a stored run; take evaluate=full for a model in memory")
    split = prepare.load_split(request.data, request.data_root, request.cache)
    return evaluate(model, split, request.evaluate, part)

"""The one way from a model and a split to numbers."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from rexp.errors import ConfigError
from rexp.evaluate.adjustment import adjusts
from rexp.evaluate.config import EvaluateConfig, check, parts_before
from rexp.evaluate.context_rule import resolve_context
from rexp.evaluate.protocol import identity, lists_apart, resolve, short_hash
from rexp.evaluate.protocols.pointwise import PointwiseTask
from rexp.evaluate.protocols.ranking import RankingTask
from rexp.evaluate.protocols.two_stage import TwoStage
from rexp.evaluate.scoring import Scorer

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.evaluate.result import Evaluation
    from rexp.retrieve.retrieval import Retrieval


class Evaluator:
    """A protocol prepared for one part of a split: what does not depend on the model is done once, for many epochs.

    Args:
        split: the data.
        config: the rules.
        part: the part whose interactions are the targets: "test" or "valid".
        device: where models will be.
        retrieval: the first stage of the protocol two_stage; no other protocol looks at it.

    Raises:
        ConfigError: rules that cannot be used, or not on this split: k above the catalogue, no candidates or too few,
            no ratings, no retriever.
        DataError: the part is empty.
    """

    def __init__(
        self,
        split: Split,
        config: EvaluateConfig,
        part: Part = "test",
        device: torch.device | str = "cpu",
        retrieval: Retrieval | None = None,
    ) -> None:
        check(config)
        self.split, self.config, self.part, self.device = split, config, part, torch.device(device)
        self.protocol = resolve(config, split)
        if self.protocol != "pointwise" and adjusts(config):
            raise ConfigError(
                f"evaluate.calibrate and evaluate.decision are of labeled rows, but the protocol is {self.protocol}; "
                "take evaluate=pointwise, or leave them out"
            )
        context, apart = resolve_context(config, split, self.protocol), lists_apart(self.protocol, split, part)
        rules = identity(self.protocol, config, part, context, apart=apart)
        self.rules = rules | {"protocol_id": short_hash(rules)}
        self.task: RankingTask | PointwiseTask | TwoStage
        if self.protocol == "pointwise":
            self.task = PointwiseTask(split, config, part, self.device)
        elif self.protocol == "two_stage":
            self.task = TwoStage(split, config, part, self.device, retrieval)
            assert retrieval is not None
            self.rules["retriever"] = retrieval.facts()
        else:
            self.task = RankingTask(split, config, part, self.device, self.protocol)

    @property
    def notices(self) -> tuple[str, ...]:
        """One line for each thing that the numbers' names do not say."""
        return () if isinstance(self.task, PointwiseTask) else self.task.notices

    def __call__(self, model: Any) -> Evaluation:
        """Measure a model; it is put into evaluation mode meanwhile.

        Raises:
            RunError: NaN scores.
            ConfigError: a model without vectors is to be indexed.
        """
        start = time.perf_counter()
        was_training = model.training
        model.eval()
        try:
            # Not inference_mode: what a model caches meanwhile could then not be trained on.
            with torch.no_grad():
                parts = parts_before(self.config.history, self.part)
                scorer = Scorer(model, self.split, parts, self.device, self.config.block_bytes)
                found = self.task.measure(scorer)
        finally:
            model.train(was_training)
        return replace(found, facts=self.rules | dict(found.facts), seconds=time.perf_counter() - start)


def evaluate(
    model: Any,
    split: Split,
    config: EvaluateConfig,
    part: Part = "test",
    *,
    device: torch.device | str | None = None,
    retrieval: Retrieval | None = None,
) -> Evaluation:
    """Measure a model once; where it is measured often, keep an :class:`Evaluator`.

    Args:
        model: an ``nn.Module`` of the contract :class:`rexp.api.Model`.
        split: the data.
        config: the rules.
        part: the part whose interactions are the targets: "test" or "valid".
        device: where the model is; by default, where its first parameter or buffer is.
        retrieval: the first stage of the protocol two_stage.

    Returns:
        means, values of every user, and the facts that belong beside them.

    Raises:
        ConfigError, DataError, RunError: see :class:`Evaluator`.
    """
    return Evaluator(split, config, part, device_of(model) if device is None else device, retrieval)(model)


def device_of(model: torch.nn.Module) -> torch.device:
    """Device of a model's first parameter or buffer; the CPU if it has none."""
    first = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device

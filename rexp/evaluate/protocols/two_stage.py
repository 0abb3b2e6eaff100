"""Retrieve, then rank, measured as one system: the protocol two_stage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rexp.errors import ConfigError
from rexp.evaluate.context_rule import check_context
from rexp.evaluate.embeddings import ItemFeatureVectors, ModelVectors, check_embeds
from rexp.evaluate.protocol import suffix
from rexp.evaluate.protocols.attribution import Attribution
from rexp.evaluate.protocols.index_recall import IndexRecall, compares_directions
from rexp.evaluate.protocols.ranking import RankingTask
from rexp.evaluate.protocols.retrieved_candidates import RetrievedCandidates
from rexp.evaluate.protocols.serving_latency import latency

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from rexp.api import TopKLists
    from rexp.data.split import Split
    from rexp.data.types import Part
    from rexp.evaluate.config import EvaluateConfig
    from rexp.evaluate.result import Evaluation
    from rexp.evaluate.scoring import Scorer
    from rexp.retrieve.retrieval import Retrieval


class TwoStage:
    """One part of a split, prepared for retrieval and ranking; used again for every model.

    Args:
        split, config, part, device: as in :func:`rexp.evaluate.evaluator.evaluate`.
        retrieval: the first stage; or None, which is refused.
    """

    def __init__(
        self, split: Split, config: EvaluateConfig, part: Part, device: torch.device, retrieval: Retrieval | None
    ) -> None:
        if retrieval is None:
            raise ConfigError("evaluate=two_stage needs a retriever; choose one with retriever=flat")
        if retrieval.n_candidates < max(config.k):
            raise ConfigError(
                f"retriever.n_candidates={retrieval.n_candidates} is less than evaluate.k={max(config.k)}: "
                "a list cannot be longer than its candidates"
            )
        for model in (retrieval.vectors_from, retrieval.ranker):
            if model is not None:
                model.to(device).eval()
        if retrieval.vectors_from is not None:
            check_embeds(retrieval.vectors_from)
        self.config, self.retrieval = config, retrieval
        features = retrieval.item_features
        self.features = None if features is None else ItemFeatureVectors(features, split, device)
        self.ranked = RankingTask(split, config, part, device, "two_stage", retrieval)
        assert isinstance(self.ranked.source, RetrievedCandidates)
        self.source, self.notices = self.ranked.source, self.ranked.notices

    def measure(self, scorer: Scorer) -> Evaluation:
        """Index, retrieve and rank for every user with a target, and take the loss apart."""
        ranked, retrieval = self.ranked, self.retrieval
        ranker = scorer if retrieval.ranker is None else scorer.of(retrieval.ranker)
        check_context(ranked.asked, scorer.capabilities, type(scorer.model).__name__)
        index = self.source.open(self._vectors(scorer))
        n_users = len(ranked.users)
        lost = Attribution(self.config.k, n_users, ranked.targets)
        exact = IndexRecall(self.source, n_users, cosine=compares_directions(retrieval.config))
        short = 0

        def watch(start: int, candidates: Tensor, lists: TopKLists, hits: Tensor) -> None:
            nonlocal short
            lost.add(start, candidates, lists, hits)
            exact.add(start, lists.users, candidates)
            short += int((candidates < 0).any(1).sum())

        found = ranked.measure(ranker, watch)
        end = suffix("two_stage", self.config)
        means = lost.means() | {"index_recall": exact.mean()}
        per_user = {name: values.numpy() for name, values in lost.per_user().items()}
        per_user["index_recall"] = exact.values.numpy()
        costs = latency(self.source, ranker, ranked.users, ranked.k, self.config.latency_users)
        return replace(
            found,
            metrics={**found.metrics, **{f"{name}{end}": value for name, value in means.items()}},
            per_user={**found.per_user, **{f"{name}{end}": values for name, values in per_user.items()}},
            facts={**found.facts, **lost.facts(), "index": index.to_dict(), "n_users_short_of_candidates": short},
            costs={"index_bytes": float(index.bytes), "index_build_seconds": index.build_seconds, **costs},
        )

    def _vectors(self, scorer: Scorer) -> ModelVectors | ItemFeatureVectors:
        if self.features is not None:
            return self.features
        model = self.retrieval.vectors_from
        return ModelVectors(scorer if model is None else scorer.of(model))

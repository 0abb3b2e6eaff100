"""Metrics of ranked lists: the protocols full, candidates and sampled, and the second stage of two_stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rexp.api import TopKLists
from rexp.errors import ConfigError
from rexp.evaluate.accumulator import MetricAccumulator
from rexp.evaluate.build_metrics import list_metrics
from rexp.evaluate.config import OF_TARGETS, parts_before
from rexp.evaluate.context_rule import check_context, resolve_context
from rexp.evaluate.counted_rows import counted_rows
from rexp.evaluate.list_contexts import TargetLists, lists_of_rows
from rexp.evaluate.metric_context import metric_context
from rexp.evaluate.popularity_buckets import PopularityBuckets, add_of_targets
from rexp.evaluate.progress import RankingProgress
from rexp.evaluate.protocol import lists_apart, suffix
from rexp.evaluate.protocols.candidate_sources import CandidateSet, FullCatalog
from rexp.evaluate.protocols.retrieved_candidates import RetrievedCandidates
from rexp.evaluate.protocols.sampled_candidates import ProvidedNegatives, SampledNegatives
from rexp.evaluate.result import Evaluation
from rexp.evaluate.tie_breaking import TieGroups, orders_of, tie_priority
from rexp.evaluate.topk import stable_topk
from rexp.evaluate.user_items import UserItems
from rexp.evaluate.user_sample import draw_users, intervals
from rexp.metrics._tie_orders import chances

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.data.types import Array, Part
    from rexp.evaluate.config import EvaluateConfig
    from rexp.evaluate.scoring import Scorer
    from rexp.io.json_types import Json
    from rexp.retrieve.retrieval import Retrieval

Watch = Callable[[int, Tensor, TopKLists, Tensor], None]


class RankingTask:
    """One part of a split, prepared for ranking; used again for every model.

    Args:
        split, config, part, device: as in :func:`rexp.evaluate.evaluator.evaluate`.
        protocol: "full", "candidates", "sampled" or "two_stage".
        retrieval: the first of two stages.
    """

    def __init__(
        self,
        split: Split,
        config: EvaluateConfig,
        part: Part,
        device: torch.device,
        protocol: str,
        retrieval: Retrieval | None = None,
    ) -> None:
        self.split, self.config, self.part, self.protocol = split, config, part, protocol
        self.retrieval = retrieval
        self.context = metric_context(split, config, device)
        self.metrics = list_metrics(config.metrics, config.options, self.context)
        self.asked = resolve_context(config, split, protocol)
        self.apart = lists_apart(protocol, split, part)
        self.several = self.apart or self.asked == "target"  # lists of one user
        self.rows = counted_rows(split, part, config)
        self.lists = self._lists_of_part(device)
        self.targets = self.lists.targets
        self.numbers = self.targets.counts.nonzero().squeeze(1)
        self.population = torch.unique_consecutive(self.lists.owner[self.numbers])
        if config.users is not None and config.users < len(self.population):
            drawn = draw_users(self.population, config.users, config.users_seed)
            self.numbers = self.numbers[torch.isin(self.lists.owner[self.numbers], drawn)]
        self.users = self.lists.owner[self.numbers]
        self.cold = self.context.train_users_per_item == 0
        self.n_cold = int(self.cold[self.targets.block(self.numbers)[1]].sum())
        self.source = self._source()
        self.facts = self._facts()
        self.orders = orders_of(config.ties, self.metrics)
        self.notices: tuple[str, ...] = ()
        if self.orders.drawn:
            names = ", ".join(self.orders.drawn)
            self.notices = (f"evaluate.ties=expected: {names} are means over {self.orders.draws} random orders",)
            self.facts["orders_of_ties"] = dict.fromkeys(self.orders.drawn, self.orders.draws)
        if self.several:
            self.facts["n_lists"] = len(self.numbers)
        widest = self._widest_draw() if protocol == "sampled" else self.source.width
        self.k = max(config.k)
        if self.k > widest:
            what = (
                "candidates are ranked at most" if protocol in ("candidates", "sampled") else "items can be recommended"
            )
            raise ConfigError(f"evaluate.k has {self.k}, but only {widest} {what} on '{split.name}': take a smaller k")

    def _lists_of_part(self, device: torch.device) -> TargetLists:
        """One list a user, or one for each context of its rows, or each of its test items."""
        if self.several:
            context = self.rows.context if self.asked == "target" else {}
            return lists_of_rows(self.rows, self.split.n_items, device, context, by_item=self.apart)
        everyone = torch.arange(self.split.n_users, device=device)
        targets = self.config.targets
        counted = None if targets == "all" else self.split.in_catalogue(OF_TARGETS[targets])
        return TargetLists(UserItems(self.split, [self.part], device, counted), everyone)

    def _widest_draw(self) -> int:
        """The most candidates of one user; users who get fewer negatives than the metrics' names say are counted."""
        assert isinstance(self.source, CandidateSet)
        assert isinstance(self.source.candidates, SampledNegatives)
        n, drawn = self.config.candidates.n, self.source.candidates.counts(self.users)
        most, fewest = int(drawn.max()), int(drawn.min())
        if most < n:
            raise ConfigError(
                f"evaluate.candidates.n is {n}, but at most {most} items can be drawn for a user on "
                f"'{self.split.name}': take that many or fewer, or rank them all with evaluate=full"
            )
        self.facts["n_short_candidates"] = short = int((drawn < n).sum())
        if short:
            self.notices += (
                f"{short} of {len(self.users)} users have fewer than {n} items left to draw (the fewest: {fewest}) "
                "and are ranked against those",
            )
        return int((drawn + self.targets.counts[self.numbers]).max())

    def _source(self) -> FullCatalog | CandidateSet | RetrievedCandidates:
        config, split, device = self.config, self.split, self.users.device
        in_catalogue = torch.zeros(split.n_items, dtype=torch.bool, device=device)
        in_catalogue[self.context.catalogue] = True
        if self.protocol == "full":
            mask = UserItems(split, parts_before(config.mask, self.part), device)
            return FullCatalog(mask, (~in_catalogue).nonzero().squeeze(1), config.block_bytes)
        if self.retrieval is not None:
            mask = UserItems(split, parts_before(config.mask, self.part), device)
            return RetrievedCandidates(self.retrieval, mask, self.context.catalogue, config.block_bytes)
        candidates: ProvidedNegatives | SampledNegatives
        if self.protocol == "candidates":
            candidates = self._given()
        else:
            popular = config.candidates.sampler == "popularity"
            weights = (self.context.train_users_per_item if popular else in_catalogue).double() * in_catalogue
            excluded = UserItems(split, parts_before(config.candidates.exclude, self.part), device)
            taken = UserItems(split, [self.part], device)
            candidates = SampledNegatives(config.candidates, weights, [excluded, taken])
        return CandidateSet(candidates, self.targets, split.n_items, config.block_bytes)

    def _given(self) -> ProvidedNegatives:
        """The data's own candidates, of users or of test items."""
        split = self.split
        if not self.apart:
            assert split.candidates is not None
            return ProvidedNegatives(split.candidates, split.user_name)
        assert split.target_candidates is not None
        owner, items = self.lists.owner.cpu().numpy(), self.targets.items.cpu().numpy()
        ids = split.items_table()["item"]

        def name(place: int) -> str:
            return f"{split.user_name(int(owner[place]))} with the test item {ids[int(items[place])]}"

        return ProvidedNegatives(split.target_candidates.of(owner, items), name, by_list=True)

    def measure(self, scorer: Scorer, watch: Watch | None = None) -> Evaluation:
        """Rank for every user with a target, and sum up.

        Args:
            scorer: of the model.
            watch: is shown every block: its first user's place, the items (B, C) that were ranked, the lists, and the
                hits (B, K) float64, where scores are equal the chance of one.
        """
        check_context(self.asked, scorer.capabilities, type(scorer.model).__name__)
        orders, owner = self.orders, self.lists.owner if self.several else None
        tally = MetricAccumulator(self.metrics, self.config.k, len(self.users), self.context, orders, owner)
        by_user = {name: metric for name, metric in self.metrics.items() if metric.kind == "users"}
        warm_tally = (
            MetricAccumulator(by_user, self.config.k, len(self.users), self.context, orders, owner)
            if self.n_cold
            else None
        )
        popular = PopularityBuckets(
            self.targets, self.numbers, by_user, self.config.k, self.context, orders, self.part, owner
        )
        ties = torch.zeros(self.k, dtype=torch.int64, device=self.users.device)
        progress = RankingProgress(len(self.users))
        for start in range(0, len(self.users), self.source.block):
            progress.ranked(start)
            block = slice(start, start + self.source.block)
            numbers = self.numbers[block]
            scores, items = self.source.scores(scorer, self.users[block], numbers, self.lists.features_of(numbers))
            groups: TieGroups | None = None
            for draw in range(orders.draws):
                lists, columns, tied = self._lists(numbers, scores, items, draw)
                if self.config.ties == "expected" and groups is None:
                    groups = TieGroups(numbers, scores, items, columns, tied, self.targets)
                known = None if groups is None else groups.ties(lists.hits)
                tally.add(start, lists, known, draw)
                if warm_tally is not None:
                    add_of_targets(warm_tally, start, lists, groups, draw, self.targets, ~self.cold)
                popular.add(start, lists, groups, draw)
                if watch is not None and draw == 0:
                    watch(start, items, lists, lists.hits.double() if known is None else chances(known, self.k))
            ties += tied.sum(0)
        found = self._result(tally, warm_tally, ties)
        return replace(found, facts={**found.facts, **popular.facts()})

    def _lists(self, numbers: Tensor, scores: Tensor, items: Tensor, draw: int) -> tuple[TopKLists, Tensor, Tensor]:
        order = tie_priority(self.config.ties, draw, numbers, items, self.targets)
        columns, tied = stable_topk(scores, self.k, order)
        chosen = items.expand(len(numbers), -1).gather(1, columns.clamp(min=0))
        chosen = torch.where(columns < 0, -1, chosen)
        hits = self.targets.contains(numbers, chosen)
        return TopKLists(numbers, chosen, hits, self.targets.counts[numbers]), columns, tied

    def _result(self, tally: MetricAccumulator, warm_tally: MetricAccumulator | None, ties: Tensor) -> Evaluation:
        end = suffix(self.protocol, self.config)
        if self.several:
            tally.average_lists(self.users)
        named = {f"{name}{end}": value for name, value in tally.means(list(self.metrics)).items()}
        per_user = {f"{name}{end}": values for name, values in tally.per_user().items()}
        facts = self.facts | self._of_sample(per_user)
        facts |= {f"tie_rate@{k}": float(ties[k - 1]) / len(self.users) for k in tally.cuts}
        if tally.undefined():
            facts["n_users_undefined"] = tally.undefined()
        if warm_tally is not None:
            facts["warm_only"] = self._warm_means(warm_tally)
        return Evaluation(named, {"user": torch.unique_consecutive(self.users).cpu().numpy()} | per_user, facts)

    def _of_sample(self, per_user: Mapping[str, Array]) -> Json:
        """What a sample of users says of all of them."""
        if self.config.users is None:
            return {}
        found = {name: list(ends) for name, ends in intervals(per_user, len(self.population)).items()}
        return {"n_users_drawn_from": len(self.population), "interval_95": found}

    def _warm_means(self, tally: MetricAccumulator) -> dict[str, float]:
        rows, items = self.targets.block(self.numbers)
        warm = torch.bincount(rows[~self.cold[items]], minlength=len(self.users)) > 0
        n_users, means = tally.means_of(warm, self.users)
        return {"n_users": n_users} | means

    def _facts(self) -> Json:
        counts = self.targets.counts[self.numbers]
        n_targets = int(counts.sum())
        users = torch.unique_consecutive(self.users)
        n_users = len(users)
        rows = np.bincount(self.rows.users, minlength=self.split.n_users)
        facts: Json = {
            "n_users_evaluated": n_users,
            "n_users_dropped": self.split.n_users - len(self.population),
            "n_targets": n_targets,
            "n_duplicate_targets": int(rows[users.cpu().numpy()].sum()) - n_targets,
            "n_cold_targets": self.n_cold,
            "catalogue_size": len(self.context.catalogue),
        }
        if left_out := len(self.split.part(self.part)) - len(self.rows):
            facts["n_targets_left_out"] = left_out
        if isinstance(self.source, FullCatalog | RetrievedCandidates):
            masked = torch.isin(self.targets.flat(self.numbers), self.source.mask.flat(self.users))
            facts["n_masked_targets"] = int(masked.sum())
        if bool((counts == 1).all()) and n_users == len(self.users):
            facts["note"] = "every user has one target, so recall equals hr, and map equals mrr"
        return facts

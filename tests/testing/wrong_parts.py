"""Losses, samplers, splits, metrics, retrievers, stages, data sets and trackers that each break one rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from rexp.api import (
    DataCard,
    Layout,
    Negatives,
    RawData,
    Requirement,
    SourceFile,
    SplitRows,
    VectorSource,
    reduce,
    tables,
)


@dataclass(frozen=True)
class NoOptions:
    """None."""


class RightLoss:
    """BPR."""

    Config = NoOptions
    layout = Layout.PAIRWISE

    def __init__(self, config: Any) -> None: ...

    def cost(self, scores: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(scores[:, 0] - scores[:, 1])

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return reduce(self.cost(scores), "mean", None if batch.log_q is None else batch.log_q[:, 1])


class OneLossARow(RightLoss):
    """loss.scalar"""

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return self.cost(scores)


class WeightsUnread(RightLoss):
    """loss.weighted"""

    weighted = True


class DetachedPositive(RightLoss):
    """loss.gradient"""

    def cost(self, scores: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(scores[:, 0].detach() - scores[:, 1])


class Overflows(RightLoss):
    """loss.large-scores"""

    def cost(self, scores: Tensor) -> Tensor:
        return (1 + (scores[:, 1] - scores[:, 0]).exp()).log()


class SumUnsaid(RightLoss):
    """loss.reduction"""

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return reduce(self.cost(scores), "sum", None if batch.log_q is None else batch.log_q[:, 1])


class Backwards(RightLoss):
    """loss.prefers-positives"""

    def cost(self, scores: Tensor) -> Tensor:
        return -nn.functional.logsigmoid(scores[:, 1] - scores[:, 0])


class CountsWhatIsMarked(RightLoss):
    """loss.marked"""

    def __call__(self, scores: Tensor, batch: Any) -> Tensor:
        return self.cost(scores).mean()


@dataclass(frozen=True)
class Rejecting:
    """One option."""

    reject: bool = False


class RightSampler:
    """Uniform draws, with their probability."""

    Config: Any = NoOptions
    positives, scope, n = "interactions", "chunk", 3

    def __init__(self, config: Any, split: Any) -> None:
        self.n_items = split.n_items

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(torch.randint(self.n_items, (len(users), self.n), generator=generator))

    def log_q(self, items: Tensor) -> Tensor:
        return torch.full(items.shape, -float(np.log(self.n_items)))


class OneColumnTooMany(RightSampler):
    """sampler.shape"""

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(torch.randint(self.n_items, (len(users), self.n + 1), generator=generator))


class BeyondTheCatalog(RightSampler):
    """sampler.in-range"""

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(1 + torch.randint(self.n_items, (len(users), self.n), generator=generator))


class GlobalChance(RightSampler):
    """sampler.by-generator"""

    def sample(self, users: Tensor, positives: Tensor, generator: Any) -> Negatives:
        return Negatives(torch.randint(self.n_items, (len(users), self.n)))


class NeverRejects(RightSampler):
    """sampler.rejects"""

    @dataclass(frozen=True)
    class Config:  # type: ignore[no-redef]
        """On by default."""

        reject: bool = True


class OtherLaw(RightSampler):
    """sampler.frequencies"""

    def log_q(self, items: Tensor) -> Tensor:
        shares = torch.arange(1, self.n_items + 1).double()
        return (shares / shares.sum()).log()[items]


class NoLaw(RightSampler):
    """sampler.log-q"""

    def log_q(self, items: Tensor) -> Tensor:
        return torch.full(items.shape, -1.0)


class RightSplit:
    """Every tenth row is tested."""

    Config = NoOptions

    def __init__(self, config: Any) -> None: ...

    def split(self, interactions: Any) -> SplitRows:
        tested = self.tested(interactions)
        return SplitRows(~tested, np.zeros(len(tested), bool), tested)

    def tested(self, interactions: Any) -> Any:
        return np.arange(len(interactions)) % 10 == 9


class Leaks(RightSplit):
    """split.rows-once"""

    def split(self, interactions: Any) -> SplitRows:
        tested = self.tested(interactions)
        return SplitRows(np.ones(len(tested), bool), np.zeros(len(tested), bool), tested)


class NothingTested(RightSplit):
    """split.trains"""

    def tested(self, interactions: Any) -> Any:
        return np.zeros(len(interactions), bool)


class OtherEachTime(RightSplit):
    """split.repeatable"""

    def tested(self, interactions: Any) -> Any:
        return np.random.default_rng().random(len(interactions)) < 0.3


class SortsItsInput(RightSplit):
    """split.inputs-kept"""

    def tested(self, interactions: Any) -> Any:
        interactions.items[:] = np.sort(interactions.items)
        return super().tested(interactions)


class NotChronological(RightSplit):
    """split.chronological"""

    chronological = True


class RightMetric:
    """Precision."""

    Config = NoOptions
    kind = "users"
    higher_is_better = True

    def __init__(self, config: Any, context: Any) -> None: ...

    def per_user(self, lists: Any, k: int) -> Tensor:
        return lists.hits[:, :k].double().sum(1) / k


class WrongDirection(RightMetric):
    """metric.ideal"""

    higher_is_better = False


class InSinglePrecision(RightMetric):
    """metric.per-user"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        return super().per_user(lists, k).float()


class ReadsBehindTheCut(RightMetric):
    """metric.cut"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        return lists.hits.double().sum(1) / k


class NormalizesByTheBlock(RightMetric):
    """metric.users-apart"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        values = super().per_user(lists, k)
        return values / values.sum().clamp(min=1)


class FlipsItsInput(RightMetric):
    """metric.inputs-kept"""

    def per_user(self, lists: Any, k: int) -> Tensor:
        values = super().per_user(lists, k)
        lists.hits.logical_not_()
        return values


class RightRetriever:
    """Exact search."""

    Config = NoOptions

    def __init__(self, config: Any) -> None: ...

    def build(self, vectors: Any) -> None:
        self.vectors = vectors

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores = queries @ self.vectors.T
        items = self.order(scores)[:, :n]
        return np.take_along_axis(scores, items, 1), items

    def order(self, scores: Any) -> Any:
        return np.argsort(-scores, axis=1, kind="stable")

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self.vectors)

    def load(self, path: Path) -> None:
        self.vectors = np.load(path, allow_pickle=False)


class WorstFirst(RightRetriever):
    """retriever.best-first"""

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores, items = super().search(queries, n)
        return scores[:, ::-1], items[:, ::-1]


class AnyItems(RightRetriever):
    """retriever.recall"""

    def search(self, queries: Any, n: int) -> tuple[Any, Any]:
        scores = queries @ self.vectors.T
        items = np.argsort(scores, axis=1, kind="stable")[:, :n][:, ::-1]
        return np.take_along_axis(scores, items, 1), items


class AddsAnEnding(RightRetriever):
    """retriever.saved"""

    def save(self, path: Path) -> None:
        np.save(path, self.vectors)


class NormalizesInPlace(RightRetriever):
    """retriever.inputs-kept"""

    def build(self, vectors: Any) -> None:
        vectors /= np.linalg.norm(vectors, axis=1).mean()
        super().build(vectors)


class RightStage:
    """Rounds tables."""

    Config = NoOptions
    phase = "post"
    needs = frozenset({Requirement.TABLES})
    trainable_after = True
    modules: Mapping[str, type] = {}

    def __init__(self, config: Any) -> None: ...

    def apply(self, model: Any, context: Any) -> None:
        for table in tables(model).values():
            table.assign(self.rounded(table.rows(), context))

    def rounded(self, rows: Tensor, context: Any) -> Tensor:
        return (8 * rows).round() / 8


class LeavesNaN(RightStage):
    """stage.works"""

    def rounded(self, rows: Tensor, context: Any) -> Tensor:
        return rows / torch.zeros(())


class RoundsByTheClock(RightStage):
    """stage.repeatable"""

    def rounded(self, rows: Tensor, context: Any) -> Tensor:
        return rows + float(np.random.default_rng().random())


class LeavesAMask(RightStage):
    """stage.materialized"""

    def apply(self, model: Any, context: Any) -> None:
        model.register_forward_pre_hook(lambda module, arguments: None)
        super().apply(model, context)


class UnknownPhase(RightStage):
    """stage.stated"""

    phase = "later"


class HoldsTheModel(RightStage):
    """stage.hook"""

    phase = "train"

    def attach(self, model: Any, context: Any) -> Any:
        return _Hook(model)


class _Hook(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def loss(self, step: Any) -> dict[str, Tensor]:
        return {}

    def after_step(self) -> None: ...
    def on_epoch(self, epoch: int) -> None: ...
    def finish(self) -> None: ...


class RightData:
    """Four rows."""

    Config = NoOptions
    card = DataCard("Four rows", "CC0", "")

    def __init__(self, config: Any, root: Path | None) -> None: ...

    def sources(self) -> list[SourceFile]:
        return []

    def read(self) -> RawData:
        return RawData(self.rows(), items=pl.DataFrame({"item": self.items()}))

    def rows(self) -> pl.DataFrame:
        return pl.DataFrame({"user": [1, 1, 2, 2], "item": [1, 2, 1, 3]})

    def items(self) -> list[int]:
        return [1, 2, 3]


class NoLicense(RightData):
    """data.card"""

    card = DataCard("Four rows", "", "")


class OtherColumns(RightData):
    """data.schema"""

    def rows(self) -> pl.DataFrame:
        return super().rows().rename({"user": "userId"})


class ItemTwice(RightData):
    """data.tables"""

    def items(self) -> list[int]:
        return [1, 2, 2, 3]


class UnnamedVectors(RightData):
    """data.vectors"""

    def read(self) -> RawData:
        return replace(super().read(), vectors={"item.image": VectorSource(Path("image.npy"))})


class OtherRowsEachTime(RightData):
    """data.repeatable"""

    def rows(self) -> pl.DataFrame:
        return super().rows().with_columns(rating=pl.Series(np.random.default_rng().random(4)))


class NamesWhatIsNotThere(RightData):
    """data.missing-files"""

    def __init__(self, config: Any, root: Path | None) -> None:
        self.root = root

    def sources(self) -> list[SourceFile]:
        return [] if self.root is None else [SourceFile(self.root / "ratings.csv")]


class RightTracker:
    """Lines of a file."""

    Config = NoOptions

    def __init__(self, config: Any, run: Any) -> None:
        self.path = run.directory / "lines.txt"
        self.file = self.path.open("a")

    def log(self, values: Any, epoch: int) -> None:
        print(epoch, dict(values), file=self.file)

    def finish(self, summary: Any, status: str) -> None:
        self.file.close()


class WritesElsewhere(RightTracker):
    """tracker.whole-run"""

    def finish(self, summary: Any, status: str) -> None:
        super().finish(summary, status)
        Path("summary.txt").write_text(status)


class RefusesAResume(RightTracker):
    """tracker.resumed"""

    def __init__(self, config: Any, run: Any) -> None:
        self.path = run.directory / "lines.txt"
        self.file = self.path.open("x")


class NeedsAnEpoch(RightTracker):
    """tracker.without-epochs"""

    last: int

    def log(self, values: Any, epoch: int) -> None:
        super().log(values, epoch)
        self.last = epoch

    def finish(self, summary: Any, status: str) -> None:
        self.file.close()
        assert self.last

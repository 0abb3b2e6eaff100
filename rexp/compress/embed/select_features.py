"""Feature selection by permutation importance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rexp.api import Requirement
from rexp.errors import ConfigError
from rexp.nn.feature_embedding import FeatureEmbedding, FeatureList
from rexp.nn.surgery import replace_module
from rexp.train.stage_hooks import queries_of

if TYPE_CHECKING:
    from rexp.api import RecommenderModule, StageContext
    from rexp.data.types import Feature


@dataclass(frozen=True)
class SelectFeaturesConfig:
    """Options of :class:`SelectFeatures`.

    Args:
        keep: features that are left, of users and items together.
        targets, ignore: patterns of features' names (``user.age``, ``item.*``) that may go; the others stay, beside
            those that are kept.
        sample: interactions of the training part that importance is measured on.
        repeats: of the shuffling, whose mean counts.
    """

    keep: int = 1
    targets: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    sample: int = 4096
    repeats: int = 5

    def __post_init__(self) -> None:
        if self.keep < 0:
            raise ValueError(f"keep={self.keep} must not be negative")
        if min(self.sample, self.repeats) < 1:
            raise ValueError(f"sample={self.sample} and repeats={self.repeats} must be 1 or more")


class NoFeature(nn.Module):
    """Placeholder of a removed feature.

    Args:
        dim: size of the vectors.
        feature: the name of what was read here.
    """

    def __init__(self, dim: int, feature: str) -> None:
        super().__init__()
        self.dim, self.feature = dim, feature

    def bind(self, feature: Feature) -> None:
        """No-op: a removed feature has no values."""

    def forward(self, ids: Tensor) -> Tensor:
        """(B, D) zeros for the rows ``ids`` (B,)."""
        return torch.zeros(len(ids), self.dim, device=ids.device)

    def describe(self) -> dict[str, Any]:
        """Constructor arguments that recreate this module."""
        return {"dim": self.dim, "feature": self.feature}


class SelectFeatures:
    """Feature selection by permutation importance (Breiman, Machine Learning 2001, §10; for any model Fisher et al.,
    JMLR 2019, eq. 3).

    A feature is as important as the loss grows when its values are shuffled among the users or items that have them.
    The loss is the pairwise one, ``softplus(s(u, j) - s(u, i))`` for interactions (u, i) of the training part and an
    item j drawn uniformly. Of two features that say the same, each looks dispensable; a fine-tune should follow.
    """

    Config: ClassVar[type] = SelectFeaturesConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: frozenset[Requirement] = frozenset({Requirement.FEATURES})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"none": NoFeature}

    def __init__(self, config: SelectFeaturesConfig) -> None:
        self.config = config

    def apply(self, model: RecommenderModule, context: StageContext) -> None:
        """Let the model no longer read what is dropped, in place.

        Raises:
            ConfigError: there are no more features than are kept.
        """
        features = {name: paths for name, paths in _features(model).items() if self._may_go(name)}
        if len(features) <= self.config.keep:
            raise ConfigError(
                f"keep={self.config.keep} drops none of the features {', '.join(features) or '(none)'}; keep fewer, or "
                "leave the stage out"
            )
        important = importances(model, features, context, self.config.sample, self.config.repeats)
        for name in sorted(important, key=important.__getitem__)[: len(features) - self.config.keep]:
            for path in features[name]:
                vectors = model.get_submodule(path)
                assert isinstance(vectors, FeatureEmbedding)
                replace_module(model, path, NoFeature(vectors.table.rows().shape[1], name))
        model.train(model.training)  # what was made of the features before is forgotten

    def _may_go(self, name: str) -> bool:
        def fits(patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(name, pattern) for pattern in patterns)

        return fits(self.config.targets) and not fits(self.config.ignore)


@torch.no_grad()
def importances(
    model: RecommenderModule, features: Mapping[str, Sequence[str]], context: StageContext, sample: int, repeats: int
) -> dict[str, float]:
    """Permutation importance of each feature: the increase in loss when it is shuffled.

    Args:
        model: trained.
        features: by name, the paths of the :class:`FeatureEmbedding` that read it.
        context: its training part and its chance are used.
        sample: interactions.
        repeats: shuffles of each feature.

    Returns:
        the growth of the mean loss by name; near 0, or below, for a feature that says nothing.
    """
    train, generator, training = context.split.train, context.generator, model.training
    rows = torch.randperm(len(train), generator=generator)[:sample].numpy()
    users, items = (torch.from_numpy(ids[rows]).long() for ids in (train.users, train.items))
    others = torch.randint(context.split.n_items, items.shape, generator=generator)
    contexts = {name: torch.from_numpy(values[rows]) for name, values in train.context.items()}
    pairs, query = torch.stack([items, others], 1), replace(queries_of(model, context.split)(users), features=contexts)
    model.eval()

    def loss() -> float:
        scores = model.score(query, pairs)
        return float(F.softplus(scores[:, 1] - scores[:, 0]).mean())

    whole = loss()
    found = {}
    for name, paths in features.items():
        read = [model.get_submodule(path) for path in paths]
        shuffled = [_loss_without(read, loss, generator) for _ in range(repeats)]
        found[name] = sum(shuffled) / repeats - whole
    model.train(training)
    return found


def _loss_without(read: Sequence[Any], loss: Callable[[], float], generator: Generator) -> float:
    """The loss while the feature's values are shuffled, in one order wherever they are read."""
    values = read[0].values
    order = torch.randperm(len(values), generator=generator).to(values.device)
    for vectors in read:
        vectors.values = values[order]
    without = loss()
    for vectors in read:
        vectors.values = values
    return without


def _features(model: RecommenderModule) -> dict[str, list[str]]:
    """The paths of the vectors of every feature that is read, by its name: models with first-order weights have two."""
    found: dict[str, list[str]] = {}
    for path, part in model.named_modules():
        if isinstance(part, FeatureList):
            for place, (name, vectors) in enumerate(zip(part.names, part.features, strict=True)):
                if isinstance(vectors, FeatureEmbedding):
                    found.setdefault(name, []).append(f"{path}.features.{place}")
    return found

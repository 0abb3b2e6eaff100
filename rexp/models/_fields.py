"""What models over fields share: their options, and how a user's part and an item's meet."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from rexp.api import Batch, Capability, DataSpec, Query, RecommenderModule
from rexp.nn.embedding import Init
from rexp.nn.fields import FieldEmbeddings
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from rexp.data.split import Split
    from rexp.nn.coupling import HiddenUnits

PAIRS_A_BLOCK = 16384
"""(user, item) pairs that are scored at once where all items are: their activations stay in the cache."""
Parts = tuple[Tensor, ...]


@dataclass(frozen=True)
class FieldChoice:
    """Which fields are read.

    Args:
        use_features: names of the features that are read (``user.age``, ``item.genres``, ``context.hour``); null takes
            all.
        use_user_id, use_item_id: read the id.
    """

    use_features: tuple[str, ...] | None = None
    use_user_id: bool = True
    use_item_id: bool = True

    def fields(self, spec: DataSpec, dim: int, init: Init) -> FieldEmbeddings:
        """The fields that are read, with vectors of size ``dim``."""
        choice = {"use_user_id": self.use_user_id, "use_item_id": self.use_item_id}
        return FieldEmbeddings(spec, dim, init, use_features=self.use_features, **choice)


@dataclass(frozen=True)
class FieldOptions(FieldChoice):
    """Options of every trained model over fields.

    Args:
        factors: size of a field's vector.
        init_scale: standard deviation of the vectors' initial values.
        l2: strength of the penalty ``l2 / 2 |v|^2`` on vectors and first-order weights; 0 leaves it out.
        l2_over: ``batch``: the mean over the rows of a batch of what each reads; ``tables``: all rows of all tables, at
            every step, as BARS' ``embedding_regularizer``.
    """

    factors: int = 16
    init_scale: float = 0.1
    l2: float = 0.0
    l2_over: Literal["batch", "tables"] = "batch"

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ValueError(f"factors={self.factors} must be 1 or more")
        for key in ("init_scale", "l2"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key}={getattr(self, key)} must not be negative")


@dataclass(frozen=True)
class TowerOptions(FieldOptions):
    """Options of a model over fields with a tower of layers.

    Args:
        layers: sizes of the hidden layers.
        dropout: rate on the output of every hidden layer.
        batch_norm: normalize before each ReLU.
    """

    layers: tuple[int, ...] = (64, 32)
    dropout: float = 0.0
    batch_norm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.layers, default=0) < 1:
            raise ValueError(f"layers={list(self.layers)} must be one size or more, each 1 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")


class FieldModel(RecommenderModule):
    """A score of fields: what can be computed of the user's (and the context's) alone, what of the item's alone, and
    :meth:`pair`, which is all that is done for each pair.

    Args:
        config: its options.
        spec: of the data.
        first_order: give each field a weight of its own beside its vector.
    """

    def __init__(self, config: FieldOptions, spec: DataSpec, *, first_order: bool) -> None:
        super().__init__()
        init = Init("normal", config.init_scale)
        self.fields = config.fields(spec, config.factors, init)
        self.weights = config.fields(spec, 1, init) if first_order else None
        self.l2, self.l2_over = config.l2, config.l2_over

    def capabilities(self) -> frozenset[Capability]:
        """Scores all items faster than one by one; what else follows from the options and the data."""
        found = {Capability.SCORES_ALL_ITEMS}
        if self.fields.reads_features:
            found.add(Capability.NEEDS_TRAIN_DATA)
        if self.fields.reads_context:
            found.add(Capability.READS_CONTEXT)
        if self.l2:
            found.add(Capability.REGULARIZED)
        return frozenset(found)

    def bind(self, split: Split) -> None:
        """Take the values of the features."""
        for fields in self._tables:
            fields.bind(split.features())

    @property
    def _tables(self) -> list[FieldEmbeddings]:
        return [self.fields] if self.weights is None else [self.fields, self.weights]

    @abstractmethod
    def user_part(self, query: Query) -> Parts:
        """What is computed of users and contexts alone, (B, ...) each."""

    @abstractmethod
    def item_part(self, items: Tensor) -> Parts:
        """What is computed of ``items`` (...) alone, (..., ...) each."""

    @abstractmethod
    def pair(self, user: Parts, item: Parts) -> Tensor:
        """(B, K) scores of users' parts (B, 1, ...) with items' (B, K, ...) or, the same for all users, (1, K, ...)."""

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Scores of ``items`` (B,) or (B, K); a user's part is computed once for all K."""
        columns = items if items.dim() == 2 else items.unsqueeze(1)
        user = tuple(part.unsqueeze(1) for part in self.user_part(query))
        return self.pair(user, self.item_part(columns)).view(items.shape)

    def score_all(self, query: Query) -> Tensor:
        """(B, I) scores of the whole catalog; an item's part is computed once for all users."""
        everything = torch.arange(self.fields.n_items, device=query.users.device)
        user = tuple(part.unsqueeze(1) for part in self.user_part(query))
        item = tuple(part.unsqueeze(0) for part in self.item_part(everything))
        width = min(len(everything), PAIRS_A_BLOCK)
        height = max(1, PAIRS_A_BLOCK // width)
        rows = []
        for block in zip(*(torch.split(part, height) for part in user), strict=True):
            columns = zip(*(torch.split(part, width, 1) for part in item), strict=True)
            rows.append(torch.cat([self.pair(block, column) for column in columns], 1))
        return torch.cat(rows)

    def penalty(self, batch: Batch) -> Tensor:
        """``l2 / 2`` times the squares of what a row of the batch reads, mean over the rows; or of all tables."""
        if self.l2_over == "tables":
            squares = [table.square().sum() for fields in self._tables for table in fields.parameters()]
            return self.l2 / 2 * torch.stack(squares).sum()
        rows = max(1, len(batch.query.users))
        sides = [
            side for fields in self._tables for side in (fields.user_side(batch.query), fields.item_side(batch.items))
        ]
        return self.l2 / (2 * rows) * torch.stack([side.square().sum() for side in sides]).sum()

    def hidden_units(self) -> Sequence[HiddenUnits]:
        """Units between the layers of towers."""
        towers = [(path, part) for path, part in self.named_children() if isinstance(part, FieldTower)]
        return [units for path, tower in towers for units in tower.hidden_units(path)]

    def wide(self, query: Query) -> Tensor:
        """(B,): the sum of the weights of users' and contexts' fields."""
        assert self.weights is not None
        return self.weights.user_side(query).sum((-2, -1))

    def wide_items(self, items: Tensor) -> Tensor:
        """(...): the sum of the weights of the fields of ``items`` (...)."""
        assert self.weights is not None
        return self.weights.item_side(items).sum((-2, -1))

    def flat(self, query: Query) -> Tensor:
        """(B, F D): the joined vectors of users' and contexts' fields."""
        return self.fields.user_side(query).flatten(-2)

    def flat_items(self, items: Tensor) -> Tensor:
        """(..., F D): the joined vectors of the fields of ``items`` (...)."""
        return self.fields.item_side(items).flatten(-2)

    def sides(self, factors: int) -> tuple[int, int]:
        """Widths of both."""
        return factors * len(self.fields.user_names), factors * len(self.fields.item_names)


def joined(user: Tensor, item: Tensor, dim: int) -> Tensor:
    """The parts (B, 1, ...) and (B, K, ...), or (1, K, ...), behind one another along ``dim``, for every pair."""
    pairs = (len(user), item.shape[1])
    return torch.cat([part.expand(*pairs, *part.shape[2:]) for part in (user, item)], dim)

"""A multilayer perceptron over ids, features and context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch.nn import functional as F  # noqa: N812

from rexp.api import Capability, Layout
from rexp.models._fields import FieldModel, Parts, TowerOptions
from rexp.models._known_ratings import KnownRatings
from rexp.nn.tower import FieldTower

if TYPE_CHECKING:
    from torch import Tensor

    from rexp.api import Batch, DataSpec, Query
    from rexp.data.split import Split


@dataclass(frozen=True)
class MLPConfig(TowerOptions):
    """Options of :class:`MLP`.

    Args:
        rating_weight: above 0 the layers have two outputs, one of clicks and one of ratings, and a loss of their own:
            the cross-entropy of a training row against its negatives, and so many times the squared error of its
            rating.
        predict: which of the two is the score: of ``clicks`` or ``ratings``.
    """

    rating_weight: float = 0.0
    predict: Literal["clicks", "ratings"] = "clicks"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rating_weight < 0:
            raise ValueError(f"rating_weight={self.rating_weight} must not be negative")
        if self.predict == "ratings" and not self.rating_weight:
            raise ValueError("predict=ratings needs rating_weight above 0; for ratings alone take loss=mse")


class MLP(FieldModel):
    """Layers over the joined vectors of all fields, as in the ranking network of Covington, Adams and Sargin (Deep
    neural networks for YouTube recommendations, RecSys 2016, §4); the DNN of BARS (Zhu et al., SIGIR 2022).

    What it is trained for is the loss's: ratings with ``loss=mse loss.target=rating``, labels with ``loss=bce``; or,
    with ``rating_weight``, both, by two outputs over shared layers (Caruana: Multitask learning, Machine Learning
    1997).
    """

    Config: ClassVar[type] = MLPConfig
    layout = Layout.LISTWISE

    def __init__(self, config: MLPConfig, spec: DataSpec) -> None:
        super().__init__(config, spec, first_order=False)
        self.config = config
        outputs = 2 if config.rating_weight else 1
        self.tower = FieldTower(
            self.sides(config.factors), config.layers, config.dropout, batch_norm=config.batch_norm, outputs=outputs
        )
        self.known = KnownRatings(spec) if config.rating_weight else None

    def capabilities(self) -> frozenset[Capability]:
        """With two outputs it has a loss of its own, and reads the training ratings."""
        found = super().capabilities()
        if self.known is None:
            return found
        rates = {Capability.PREDICTS_RATINGS} if self.config.predict == "ratings" else set()
        return found | {Capability.OWN_LOSS, Capability.NEEDS_TRAIN_DATA} | rates

    def bind(self, split: Split) -> None:
        """Take the values of the features, and the ratings that are learned.

        Raises:
            ConfigError: ratings are learned, and the data has none.
        """
        if self.fields.reads_features:
            super().bind(split)
        if self.known is not None:
            self.known.bind(split)

    def user_part(self, query: Query) -> Parts:
        """The users' part of the first layer."""
        return (self.tower.part(0, self.flat(query)),)

    def item_part(self, items: Tensor) -> Parts:
        """The items' part of the first layer."""
        return (self.tower.part(1, self.flat_items(items)),)

    def pair(self, user: Parts, item: Parts) -> Tensor:
        """The layers above their sum."""
        outputs = self.tower.above(user[0] + item[0])
        if self.known is None or self.config.predict == "clicks":
            return outputs[..., 0]
        return outputs[..., 1] + self.known.mean

    def training_loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of all items, the first of each row against the others, and squared error of the first's
        rating; means over the batch."""
        assert self.known is not None
        (user,), (item,) = self.user_part(batch.query), self.item_part(batch.items)
        outputs = self.tower.above(user.unsqueeze(1) + item)
        clicked = torch.zeros_like(outputs[..., 0])
        clicked[:, 0] = 1
        clicks = F.binary_cross_entropy_with_logits(outputs[..., 0], clicked)
        wanted = self.known(batch.query.users, batch.items[:, 0]) - self.known.mean
        return clicks + self.config.rating_weight * F.mse_loss(outputs[:, 0, 1], wanted)

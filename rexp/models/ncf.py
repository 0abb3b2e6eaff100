"""Neural collaborative filtering: GMF, MLP and NeuMF (He et al., WWW 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Capability, DataSpec, Query, RecommenderModule
from rexp.errors import ConfigError
from rexp.models._mlp import Tower
from rexp.nn.coupling import DotCoupling, HiddenUnits, LinearCoupling, Reader
from rexp.nn.dot import dot, weighted_sum
from rexp.nn.embedding import Init, InitName, embedding_table, initialize
from rexp.nn.feature_embedding import FeatureSum, chosen_features_without_context

if TYPE_CHECKING:
    from rexp.data.split import Split


@dataclass(frozen=True)
class NCFConfig:
    """Options of :class:`NCF`.

    Args:
        variant: ``gmf`` (a weighted dot product), ``mlp`` (a tower) or ``neumf`` (both under one prediction layer).
        factors: size of the predictive layer: of GMF's vectors, and of the tower's last layer.
        layers: sizes of the tower from its input (user and item vector together) on; null: 8f, 4f, 2f, f.
        dropout: rate on the input of every layer of the tower; the paper has none.
        init: distribution of the embeddings; ``init_scale`` its scale (``rexp.nn.embedding.initialize``).
        alpha: share of GMF in a fusion of trained parts (the paper's 0.5); the MLP gets the rest.
        use_features: names of the features (``user.age``, ``item.genres``) that the tower reads beside the ids; null
            takes all of users and items. The paper reads none, and names them as what could be read (§3.1).
    """

    variant: Literal["gmf", "mlp", "neumf"] = "neumf"
    factors: int = 8
    layers: tuple[int, ...] | None = None
    dropout: float = 0.0
    init: InitName = "normal"
    init_scale: float = 0.01
    alpha: float = 0.5
    use_features: tuple[str, ...] | None = ()

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ValueError(f"factors={self.factors} must be 1 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} must be at least 0 and below 1")
        if self.layers is not None and (len(self.layers) < 2 or self.layers[0] % 2 or min(self.layers) < 1):
            raise ValueError(f"layers={list(self.layers)} must be two sizes or more, the first of them even")
        if self.layers is not None and self.variant != "gmf" and self.layers[-1] != self.factors:
            raise ValueError(f"layers={list(self.layers)} must end in factors={self.factors}")
        if self.variant == "gmf" and self.use_features != ():
            raise ValueError("variant=gmf has no tower that could read use_features; take mlp or neumf")

    @property
    def tower(self) -> tuple[int, ...]:
        """Sizes of the tower: the paper's halve from layer to layer and end in ``factors``."""
        f = self.factors
        return self.layers or (8 * f, 4 * f, 2 * f, f)


class NCF(RecommenderModule):
    """A learned similarity of user and item vectors.

    The vectors of the two parts lie in one table a side, GMF's first: one gather, one optimizer state. A factorized
    table has fewer columns of either than the options say.
    The logit is ``w_gmf · (p_u * q_i) + w_mlp · tower(p'_u, q'_i) + b`` with the parts that the variant has. Where
    features are read, the tower's input is joined by the sum of the vectors of the user's, and of the item's.
    """

    Config: ClassVar[type] = NCFConfig

    def __init__(self, config: NCFConfig, spec: DataSpec) -> None:
        super().__init__()
        self.config, self.n_items = config, spec.n_items
        has_gmf, has_mlp = config.variant != "mlp", config.variant != "gmf"
        self.widths = [config.factors if has_gmf else 0, config.tower[0] // 2 if has_mlp else 0]
        init = Init(config.init, config.init_scale)
        self.users = embedding_table(spec.n_users, sum(self.widths), init)
        self.items = embedding_table(spec.n_items, sum(self.widths), init)
        user, item = (
            chosen_features_without_context(spec.features, config.use_features, side, "ncf")
            for side in ("user", "item")
        )
        self.user_features = FeatureSum(user, spec.n_users, self.widths[1], init) if user else None
        self.item_features = FeatureSum(item, spec.n_items, self.widths[1], init) if item else None
        self.tower = None
        if has_mlp:
            self.tower = Tower(config.tower, config.dropout, user_features=bool(user), item_features=bool(item))
        # The prediction layer, (1, predictive factors) as in the paper; kept in two to save joining its input.
        weights = initialize(torch.empty(1, config.factors * (has_gmf + has_mlp)), "lecun_uniform")[0]
        self.gmf_weight = nn.Parameter(weights[: self.widths[0]].clone()) if has_gmf else None
        self.mlp_weight = nn.Parameter(weights[self.widths[0] :].clone()) if has_mlp else None
        self.bias = nn.Parameter(torch.zeros(()))

    def capabilities(self) -> frozenset[Capability]:
        """GMF is a dot product; a tower only scores."""
        if self.tower is None:
            return frozenset({Capability.SCORES_ALL_ITEMS, Capability.HAS_EMBEDDINGS, Capability.DOT_PRODUCT})
        reads = self.user_features is not None or self.item_features is not None
        return frozenset({Capability.SCORES_ALL_ITEMS, *([Capability.NEEDS_TRAIN_DATA] if reads else [])})

    def bind(self, split: Split) -> None:
        """Take the values of the features."""
        for features in (self.user_features, self.item_features):
            if features is not None:
                features.bind(split.features())

    def score(self, query: Query, items: Tensor) -> Tensor:
        """Logits of ``items`` (B,) or (B, K); the users' side is computed once for all K."""
        users_gmf, users_mlp = self._user_parts(self.users(query.users))
        by_table = self._by_table(items)
        items_gmf, items_mlp = self._item_sides(items) if by_table else self._item_parts(self.items(items))
        parts = []
        if self.gmf_weight is not None:
            weight = self.gmf_weight[: users_gmf.shape[-1]]
            parts.append(dot(users_gmf * weight, items_gmf))
        if self.tower is not None and self.mlp_weight is not None:
            described = _vectors(self.user_features, query.users)
            if by_table:
                outputs = self.tower.from_item_sides(users_mlp, items_mlp, described)
            else:
                outputs = self.tower(users_mlp, items_mlp, described, _vectors(self.item_features, items))
            parts.append(weighted_sum(outputs, self.mlp_weight))
        return sum(parts, start=self.bias)

    def _by_table(self, items: Tensor) -> bool:
        """Whether to train through the items' half of the first layer as one product for the whole table: for lists
        with more places than there are items, unless each place draws its own dropout."""
        lists = items.dim() == 2 and items.numel() > self.n_items
        drops = self.training and self.config.dropout > 0
        return lists and self.tower is not None and torch.is_grad_enabled() and not drops

    def _item_sides(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """GMF's columns of ``items`` (B, K), and their half of the tower's first layer, computed once for each item."""
        assert self.tower is not None
        gmf, mlp = self._item_parts(self.items.rows())
        side = self.tower.item_side(mlp, self._all_item_features())
        places = items.flatten()
        # Rows of each part alone: parted from joined ones, their gradients would be joined again.
        first, second = (part.contiguous().index_select(0, places).view(*items.shape, -1) for part in (gmf, side))
        return first, second

    def score_all(self, query: Query) -> Tensor:
        """(B, I) logits of the whole catalogue; beside them only a few users' activations are in memory."""
        if self.tower is None:
            return self.user_embeddings(query) @ self.item_embeddings().T
        assert self.mlp_weight is not None
        users_gmf, users_mlp = self._user_parts(self.users(query.users))
        items_gmf, items_mlp = self._item_parts(self.items.rows())
        described = _vectors(self.user_features, query.users), self._all_item_features()
        scores = self.tower.catalogue(users_mlp, items_mlp, self.mlp_weight, *described) + self.bias
        if self.gmf_weight is not None:
            scores = torch.addmm(scores, users_gmf * self.gmf_weight[: users_gmf.shape[1]], items_gmf.T)
        return scores

    def user_embeddings(self, query: Query) -> Tensor:
        """(B, factors + 1): GMF's user vectors, times the prediction weights; the last coordinate is the bias."""
        rows = self.users(query.users)
        assert self.gmf_weight is not None
        weighted = rows * self.gmf_weight[: rows.shape[1]]
        return torch.cat([weighted, self.bias.expand(len(weighted), 1)], 1)

    def item_embeddings(self) -> Tensor:
        """(I, factors + 1): GMF's item vectors; the last coordinate is 1, to meet the users' bias."""
        return _with_one(self.items.rows())

    def item_embeddings_of(self, items: Tensor) -> Tensor:
        """(N, factors + 1) of ``items`` (N,)."""
        return _with_one(self.items(items))

    def coupled_parameters(self) -> Sequence[Reader]:
        """A weighted dot product, and the first layer of the tower, which is split into the two sides."""
        users, items = self.users.rows().shape[1], self.items.rows().shape[1]
        readers: list[Reader] = []
        if self.gmf_weight is not None:
            gmf = users if self.tower is None else users - self.tower.user_layer.in_features
            readers.append(DotCoupling("users", "items", (0, gmf), "gmf_weight"))
        if self.tower is not None:
            readers.append(
                LinearCoupling("users", (users - self.tower.user_layer.in_features, users), "tower.user_layer")
            )
            readers.append(
                LinearCoupling("items", (items - self.tower.item_layer.in_features, items), "tower.item_layer")
            )
        return readers

    def hidden_units(self) -> Sequence[HiddenUnits]:
        """Hidden units between the layers of the tower; the last layer's are read by the prediction weights."""
        if self.tower is None:
            return []
        layers = [f"tower.layers.{place}" for place in range(len(self.tower.layers))]
        first = ["tower.user_layer", "tower.item_layer"]
        first += ["tower.user_feature_layer"] * (self.user_features is not None)
        first += ["tower.item_feature_layer"] * (self.item_features is not None)
        makers = [tuple(first), *((layer,) for layer in layers)]
        return [HiddenUnits(made, taker) for made, taker in zip(makers, layers, strict=False)]

    def _user_parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """GMF's and the tower's columns of users' rows: the tower's are the last, as many as its first layer reads."""
        return _parted(rows, 0 if self.tower is None else self.tower.user_layer.in_features)

    def _item_parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The same of items' rows."""
        return _parted(rows, 0 if self.tower is None else self.tower.item_layer.in_features)

    def _all_item_features(self) -> Tensor | None:
        """(I, D) vectors of the features of all items, where they are read."""
        if self.item_features is None:
            return None
        return _vectors(self.item_features, torch.arange(self.n_items, device=self.bias.device))

    @torch.no_grad()
    def init_from_models(self, models: Mapping[str, nn.Module]) -> None:
        """Start NeuMF from a trained GMF and MLP (the paper, §3.4.1).

        Tables and tower are copied; the prediction weights and biases are joined, times ``alpha`` and ``1 - alpha``.

        Args:
            models: ``gmf`` and ``mlp``: models of these variants with the same factors and layers.

        Raises:
            ConfigError: this is no NeuMF, a part is missing, or it has another shape.
        """
        if self.config.variant != "neumf" or set(models) != {"gmf", "mlp"}:
            raise ConfigError(
                "model.init_from={gmf: RUN, mlp: RUN} is for variant=neumf and needs exactly these two runs"
            )
        gmf, mlp = _part(models, "gmf", self.config), _part(models, "mlp", self.config)
        self.users.assign(torch.cat([gmf.users.rows(), mlp.users.rows()], 1))
        self.items.assign(torch.cat([gmf.items.rows(), mlp.items.rows()], 1))
        assert self.tower is not None
        assert mlp.tower is not None
        self.tower.load_state_dict(mlp.tower.state_dict())
        pairs = ((self.user_features, mlp.user_features), (self.item_features, mlp.item_features))
        for mine, its in pairs:
            if mine is not None and its is not None:
                mine.load_state_dict(its.state_dict())
        alpha, own = self.config.alpha, dict(self.named_parameters())
        own["gmf_weight"].copy_(alpha * dict(gmf.named_parameters())["gmf_weight"])
        own["mlp_weight"].copy_((1 - alpha) * dict(mlp.named_parameters())["mlp_weight"])
        self.bias.copy_(alpha * gmf.bias + (1 - alpha) * mlp.bias)


def _vectors(features: FeatureSum | None, ids: Tensor) -> Tensor | None:
    """(..., D) vectors of the features of ``ids`` (...), where they are read."""
    if features is None:
        return None
    vectors: Tensor = features(ids.flatten())
    return vectors.view(*ids.shape, vectors.shape[1])


def _with_one(rows: Tensor) -> Tensor:
    """Rows with a 1 behind each."""
    return torch.cat([rows, rows.new_ones(len(rows), 1)], 1)


def _parted(rows: Tensor, last: int) -> tuple[Tensor, Tensor]:
    first, second = torch.split(rows, [rows.shape[-1] - last, last], -1)
    return first, second


def _part(models: Mapping[str, nn.Module], variant: Literal["gmf", "mlp"], wanted: NCFConfig) -> NCF:
    """A trained part of NeuMF, refused where it does not fit."""
    part = models[variant]
    if not isinstance(part, NCF) or part.config.variant != variant:
        raise ConfigError(f"model.init_from.{variant} is no ncf model of variant={variant}; give the run of one")
    if part.config.factors != wanted.factors or (variant == "mlp" and part.config.tower != wanted.tower):
        raise ConfigError(
            f"model.init_from.{variant} has factors={part.config.factors}, layers={list(part.config.tower)}; "
            f"wanted are factors={wanted.factors}, layers={list(wanted.tower)}"
        )
    if variant == "mlp" and part.config.use_features != wanted.use_features:
        raise ConfigError(
            f"model.init_from.mlp has use_features={_plain(part.config)}; wanted is use_features={_plain(wanted)}"
        )
    return part


def _plain(config: NCFConfig) -> str:
    return "null" if config.use_features is None else str(list(config.use_features))

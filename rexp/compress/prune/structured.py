"""Hidden units and columns that are gone, not zero: smaller layers and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from rexp.api import Need
from rexp.compress.embed.narrow import NarrowLinear, layer_of
from rexp.compress.modules import swap
from rexp.errors import ConfigError
from rexp.train.attachments import queries_of

if TYPE_CHECKING:
    from rexp.api import StageContext
    from rexp.readers import HiddenUnits

SAMPLE = 4096
"""Training interactions that activations are measured on."""


@dataclass(frozen=True)
class StructuredConfig:
    """Options of :class:`Structured`.

    Args:
        keep: share of the units of every layer that stay, at least one.
        by: what the least important units have least of: ``weight``, the length of what comes in times that of what
            goes out; ``activation``, their mean size on training interactions times the length of what goes out.
    """

    keep: float = 0.5
    by: Literal["weight", "activation"] = "weight"

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep={self.keep} must be above 0 and at most 1")


class Structured:
    """Structured pruning of hidden units (Li et al., ICLR 2017, by norms; Hu et al. 2016, arXiv:1607.03250, by
    activations): layers are made anew without them, so that they cost neither bytes nor time. Fine-tune after it. For
    fewer columns of the tables there is ``factorize``, which turns them before it drops any."""

    Config: ClassVar[type] = StructuredConfig
    phase: ClassVar[Literal["post"]] = "post"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.HIDDEN})
    trainable_after: ClassVar[bool] = True
    modules: ClassVar[Mapping[str, type]] = {"layer": NarrowLinear}

    def __init__(self, config: StructuredConfig) -> None:
        self.config = config

    @torch.no_grad()
    def apply(self, model: nn.Module, context: StageContext) -> None:
        """Swap the layers in place.

        Raises:
            ConfigError: a layer is no dense one any more.
        """
        groups: Sequence[HiddenUnits] = model.hidden_units()  # type: ignore[operator]
        sizes = activations(model, groups, context) if self.config.by == "activation" else {}
        for group in groups:
            makers, taker = [_dense(model, path) for path in group.makers], _dense(model, group.taker)
            coming = sizes[group.taker] if sizes else _coming(makers)
            importance = coming * taker.weight.norm(dim=0)
            n = max(1, round(self.config.keep * len(importance)))
            if n == len(importance):
                continue
            stay = importance.topk(n).indices.sort().values
            for path, maker in zip(group.makers, makers, strict=True):
                bias = None if maker.bias is None else maker.bias[stay]
                swap(model, path, layer_of(maker.weight[stay], bias))
            swap(model, group.taker, layer_of(taker.weight[:, stay], taker.bias))
        model.train(model.training)  # what was made of the layers before is forgotten


def activations(model: Any, groups: Sequence[HiddenUnits], context: StageContext) -> dict[str, Tensor]:
    """Mean absolute value of every unit over a sample of training interactions, by the path of the unit's taker."""
    found: dict[str, Tensor] = {}

    def look(path: str) -> Any:
        return lambda _module, inputs: found.__setitem__(path, inputs[0].detach().abs().flatten(0, -2).mean(0))

    hooks = [model.get_submodule(group.taker).register_forward_pre_hook(look(group.taker)) for group in groups]
    training, train = model.training, context.split.train
    rows = torch.randint(len(train), (min(SAMPLE, len(train)),), generator=context.generator).numpy()
    users, items = (torch.from_numpy(ids[rows]).long() for ids in (train.users, train.items))
    try:
        model.eval().score(queries_of(model, context.split)(users), items)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return found


def _coming(makers: Sequence[nn.Linear]) -> Tensor:
    """(units,) the length of all weights and biases that make each."""
    parts = [maker.weight for maker in makers]
    parts += [maker.bias.unsqueeze(1) for maker in makers if maker.bias is not None]
    lengths: Tensor = torch.cat(parts, 1).norm(dim=1)
    return lengths


def _dense(model: nn.Module, path: str) -> nn.Linear:
    layer = model.get_submodule(path)
    if not isinstance(layer, nn.Linear):
        raise ConfigError(f"the layer {path} is no dense one any more; put structured before what changed it")
    return layer

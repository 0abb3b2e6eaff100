"""Importance scores of weights and units, from magnitudes, activations or gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rexp.train.stage_hooks import queries_of

if TYPE_CHECKING:
    from rexp.api import StageContext

SAMPLE = 4096
"""Training interactions that activations are measured on."""


def training_sample(context: StageContext) -> tuple[Tensor, Tensor]:
    """(S,) users and (S,) items of training interactions, drawn with repeats."""
    train = context.split.train
    rows = torch.randint(len(train), (min(SAMPLE, len(train)),), generator=context.generator).numpy()
    return torch.from_numpy(train.users[rows]).long(), torch.from_numpy(train.items[rows]).long()


def inputs_of(model: Any, paths: Iterable[str], context: StageContext) -> dict[str, Tensor]:
    """Mean absolute value of every input of some modules over a sample of training interactions.

    Args:
        model: scores.
        paths: of the modules in the model.
        context: has the split, and draws the sample.

    Returns:
        (n_inputs,) by path.
    """
    return _seen(model, paths, context, lambda inputs, _output: inputs[0])


def outputs_of(model: Any, paths: Iterable[str], context: StageContext) -> dict[str, Tensor]:
    """The same of their outputs, such as a table's rows."""
    return _seen(model, paths, context, lambda _inputs, output: output)


@torch.no_grad()
def _seen(
    model: Any, paths: Iterable[str], context: StageContext, pick: Callable[[Any, Any], Tensor]
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}

    def look(path: str) -> Any:
        return lambda _module, inputs, output: found.__setitem__(
            path, pick(inputs, output).detach().abs().flatten(0, -2).mean(0)
        )

    hooks = [model.get_submodule(path).register_forward_hook(look(path)) for path in paths]
    training, (users, items) = model.training, training_sample(context)
    try:
        model.eval().score(queries_of(model, context.split)(users), items)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return found


def most_important(importance: Tensor, keep: float) -> Tensor:
    """Places of the share of entries that are largest, in their order, at least one.

    >>> most_important(torch.tensor([0.3, 0.1, 0.2, 0.4]), 0.5).tolist()
    [0, 3]
    """
    places: Tensor = importance.topk(max(1, round(keep * len(importance)))).indices.sort().values
    return places
